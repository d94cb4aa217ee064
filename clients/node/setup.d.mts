export declare function setup(): Promise<void>;
export declare function teardown(): Promise<void>;
export { setup as globalSetup, teardown as globalTeardown };
