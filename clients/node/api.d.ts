// Made by `npm run types` from openapi.json, sha256 0c7b08a17a5cf2109002d228a3f3451290e3428331f144a0d6801fe66f59b846.
export interface paths {
    "/_orharness": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Which program answers, and the number of this API. */
        get: operations["about"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document. */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/journal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every exchange of the session that the request belongs to. */
        get: operations["journal"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The exchange events of the session that the request belongs to, of all for the default one, as an event stream; `Last-Event-ID` or `since` says where it goes on. */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/lanes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a live page shows: the latest calls of all sessions, each with the plan of its stream. */
        get: operations["listLanes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/bills": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The bills of the latest calls whose answer or whose model is under way, of all sessions. */
        get: operations["listBills"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every session. */
        get: operations["listSessions"];
        put?: never;
        /** Open a session with the routes of a scenario document. */
        post: operations["openSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One session. */
        get: operations["showSession"];
        put?: never;
        post?: never;
        /** End a session and judge it: a problem of status 409 has the failure in pytest's words. */
        delete: operations["endSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Judge a session as it is now, without ending it. */
        post: operations["verifySession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Empty a session: no routes, an empty journal, nothing open. */
        post: operations["resetSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/account": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What was seen so far, in words: what pytest shows of a test that failed. */
        get: operations["showAccount"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/page": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the live page shows of a session, as one HTML file that needs no server. */
        get: operations["savePage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/files": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Play a scenario, a cassette, or a recording of another tool such as a HAR: its routes come before all others. */
        post: operations["playFile"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/journal": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every exchange of a session. */
        get: operations["sessionJournal"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The exchange events of a session as an event stream. */
        get: operations["sessionEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/routes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The routes of a session. */
        get: operations["listRoutes"];
        put?: never;
        /** Add a route, or all routes of a scenario document. */
        post: operations["addRoutes"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/routes/{route}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One route. */
        get: operations["showRoute"];
        put?: never;
        post?: never;
        /** Take a route away. */
        delete: operations["removeRoute"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/routes/{route}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Open the next gate (`hold`) of a route, for every request that it answers now or later. */
        post: operations["releaseRoute"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/calls": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The calls of a session, or of one of its routes. */
        get: operations["listCalls"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/calls/{call}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One call. */
        get: operations["showCall"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/calls/{call}/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The chunks of a call's answer: their bytes, and what each says. */
        get: operations["showStream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/calls/{call}/hold": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Hold a stream before its next chunk. An answer that is played `instant` is written at once, and not held. */
        post: operations["holdCall"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/calls/{call}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let a stream go on: one that was held by `hold`, else one at a gate of its route, which opens. */
        post: operations["releaseCall"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/calls/{call}/cut": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a response now; its outcome is `faulted`. */
        post: operations["cutCall"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/_orharness/sessions/{session}/wait": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Wait for something to happen, and say whether it did. It can be repeated: a poll takes 30 seconds at most. */
        get: operations["wait"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        About: {
            /** @constant */
            program: "orharness";
            version: string;
            /** @constant */
            api: 1;
        };
        /** @description This document. */
        OpenApi: Record<string, never>;
        Session: {
            id: string;
            /** @description What an Anthropic client takes as its base URL. */
            origin: string;
            /** @description What an OpenAI client takes as its base URL. */
            base_url: string;
            /** @description A key that names the session, for a backend with one base URL. */
            api_key: string;
            /** @description Headers that name the session. */
            headers: {
                [key: string]: string;
            };
            /** @description The environment variables of SDKs, for a client of this session alone. */
            env: {
                [key: string]: string;
            };
            strict: boolean;
            /** @description Seconds without a request or a verb after which it ends. */
            ttl: number | null;
            routes: components["schemas"]["Route"][];
            calls: number;
            /** @description The number of the latest event: a later `since`. */
            event: number;
        };
        Sessions: {
            sessions: components["schemas"]["Session"][];
        };
        /** @description A route in its place. */
        Route: {
            id: string;
            name: string;
            method: string;
            path: string | null;
            strict: boolean;
            calls: number;
        };
        Routes: {
            routes: components["schemas"]["Route"][];
        };
        /** @description One request and what became of its answer; times are in seconds. */
        Exchange: {
            /** @description The id by which the verbs name the call. */
            id: string;
            /** @description When the whole request had been read: ISO 8601, in UTC. */
            started_at: string;
            /** @description Without credentials. */
            request: {
                method: string;
                path: string;
                headers: {
                    [key: string]: string;
                };
                body: string;
            };
            /** @description The route's name; null if no route answers the request. */
            route: string | null;
            /** @description The HTTP status; null before it is chosen, and where no head was sent. */
            status: number | null;
            outcome: ("completed" | "left_at_end" | "cancelled" | "faulted" | "abandoned" | "still_open" | "unmatched" | "left") | null;
            how: ("fin" | "rst" | "half_close") | null;
            /** @description Seconds from the request to the moment that decided the outcome, or at which the client left. */
            ended_after: number | null;
            /** @description The number of chunks written. */
            chunks_written: number;
            /** @description The bytes of the body written. */
            bytes_written: number;
            /** @description Those that the client's process has read; null if unknown. */
            bytes_read: number | null;
            pacing: ("recorded" | "lockstep" | "instant") | null;
            /** @description Chunk boundaries that the client observed. */
            boundaries: {
                proven: number;
                assumed: number;
            };
            /** @description The names of the answer's scripted faults. */
            faults: string[];
            /** @description How the request differs from the nearest routes, or from the recorded one. */
            difference: string | null;
            /** @description What the model behind the answer made and charges. */
            bill: Record<string, never> | null;
            /** @description How the values of these names are known. */
            certainty: {
                [key: string]: "seen" | "inferred" | "at_least" | "unknown";
            };
        };
        Journal: {
            /** @constant */
            format: 1;
            /** @description How many exchanges are not kept any more. */
            dropped: number;
            exchanges: components["schemas"]["Exchange"][];
        };
        /** @description A journal's entry, and what else a handle knows. */
        Call: {
            /** @description The id by which the verbs name the call. */
            id: string;
            /** @description When the whole request had been read: ISO 8601, in UTC. */
            started_at: string;
            /** @description Without credentials. */
            request: {
                method: string;
                path: string;
                headers: {
                    [key: string]: string;
                };
                body: string;
            };
            /** @description The route's name; null if no route answers the request. */
            route: string | null;
            /** @description The HTTP status; null before it is chosen, and where no head was sent. */
            status: number | null;
            outcome: ("completed" | "left_at_end" | "cancelled" | "faulted" | "abandoned" | "still_open" | "unmatched" | "left") | null;
            how: ("fin" | "rst" | "half_close") | null;
            /** @description Seconds from the request to the moment that decided the outcome, or at which the client left. */
            ended_after: number | null;
            /** @description The number of chunks written. */
            chunks_written: number;
            /** @description The bytes of the body written. */
            bytes_written: number;
            /** @description Those that the client's process has read; null if unknown. */
            bytes_read: number | null;
            pacing: ("recorded" | "lockstep" | "instant") | null;
            /** @description Chunk boundaries that the client observed. */
            boundaries: {
                proven: number;
                assumed: number;
            };
            /** @description The names of the answer's scripted faults. */
            faults: string[];
            /** @description How the request differs from the nearest routes, or from the recorded one. */
            difference: string | null;
            /** @description What the model behind the answer made and charges. */
            bill: Record<string, never> | null;
            /** @description How the values of these names are known. */
            certainty: {
                [key: string]: "seen" | "inferred" | "at_least" | "unknown";
            };
            session: string;
            route_id: string | null;
            /** @description Whether the whole answer was taken; null where unknown. */
            finished: boolean | null;
            /** @description The offset of the gate at which the stream is held. */
            held_at: number | null;
            /** @description How many chunks the answer has in full. */
            chunks: number | null;
            /** @description How many bytes the answer has in full. */
            stream_size: number | null;
            /** @description Whether the client is still there to leave. */
            open: boolean;
            /** @description The number of its first event; 0 if it came before they were numbered. */
            event: number;
        };
        Calls: {
            calls: components["schemas"]["Call"][];
        };
        Found: {
            met: boolean;
            /** @description False where asking again may help. */
            final: boolean;
            /** @description What was seen; where it is not met, the failure in pytest's words. */
            text: string;
            call: components["schemas"]["Call"] | null;
            calls: components["schemas"]["Call"][];
            /** @description The number of the latest event: a later `since`. */
            event: number;
            /** @description The moment of the act of cancelling: pass it to ask again. */
            act?: number;
        };
        Stream: {
            /** @description Bytes of the whole body. */
            size: number;
            /** @description Chunks of the whole body. */
            total: number;
            chunks: {
                start: number;
                size: number;
                delay: number;
                bytes: string;
                parts: {
                    kind: string;
                    text: string;
                }[];
            }[];
        };
        /** @description `now`: Unix time. */
        Lanes: {
            now: number;
            /** @description The number of the latest event: a later `since`. */
            event: number;
            lanes: components["schemas"]["Lane"][];
        };
        /** @description A call, and the plan of its stream; times are in seconds. */
        Lane: {
            id: string;
            session: string;
            /** @description Unix time at which the request was read. */
            started: number;
            left_after: number | null;
            tokens_total: number | null;
            provider: string | null;
            provider_stops: boolean | null;
            /** @description When a model that goes on without its client has made all that it bills. */
            model_until: number | null;
            /** @description Whether it was held by hand. */
            braked: boolean;
            stream: {
                /** @description The offset after each chunk. */
                ends: number[];
                /** @description A letter for each chunk: (d)ata, only (c)omments, the (e)nd marker, a (p)iece. */
                kinds: string;
                written_at: number[];
                end: number | null;
                ending: string;
            };
        };
        Bills: {
            now: number;
            bills: {
                session: string;
                call: string;
                tokens_made: number;
                tokens_written: number;
                tokens_read: number | null;
                tokens_billed: number;
                cost: number;
            }[];
        };
        Page: {
            /** @description A name for the file. */
            name: string;
            html: string;
        };
        Played: {
            /** @description What the file is: scenario, cassette, har … */
            form: string;
            routes: components["schemas"]["Route"][];
        };
        Account: {
            account: string;
        };
        Verdict: {
            /** @constant */
            passed: true;
            session: string;
            /** @description A line for each answer that is neither read to its end nor left. */
            left_open: string[];
            /** @description What was seen, in words. */
            account: string;
        };
        /** @description The data of one exchange event; `at` is in seconds since the request was read. */
        Event: {
            id: number;
            session: string;
            call: string;
            event: string;
            at: number;
            /** @description The bytes of the body that were written by then. */
            body_written: number;
            /** @description Those that the client was last seen to have read. */
            body_read: number | null;
            /**
             * @description The outcome that this event decided.
             * @enum {unknown}
             */
            outcome?: "completed" | "left_at_end" | "cancelled" | "faulted" | "abandoned" | "still_open" | "unmatched" | "left";
        };
        /** @description RFC 9457. `detail` is a sentence, or the failure in pytest's words. */
        Problem: {
            /** @enum {unknown} */
            type: "about:blank" | "urn:orharness:problem:scenario" | "urn:orharness:problem:client";
            title: string;
            status: number;
            detail: string;
            /** @description Where in the document (RFC 6901). */
            pointer?: string;
            session?: string;
            /** @description A line for each answer that is neither read to its end nor left. */
            left_open?: string[];
            /** @description What was seen, in words. */
            account?: string;
        };
        /** A scenario of orharness */
        Scenario: {
            /** @constant */
            orharness: 1;
            routes: components["schemas"]["Scenario.route"][];
        };
        "Scenario.route": {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            replies: components["schemas"]["Scenario.reply"][];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            answer: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            chat: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            gemini: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            messages: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            ollama: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            responses: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            events: components["schemas"]["Scenario.event"][];
            dialect?: components["schemas"]["Scenario.dialect"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            status?: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            default_headers?: components["schemas"]["Scenario.default_headers"];
            encoding?: components["schemas"]["Scenario.encoding"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            stream: {
                chunks?: ({
                    text: string;
                    delay?: number;
                } | {
                    base64: string;
                    delay?: number;
                })[];
                /** @enum {unknown} */
                ending?: "eof" | "abort" | "reset" | "hang";
                /** @enum {unknown} */
                framing?: "chunked" | "length" | "close";
                announced?: number;
            };
            dialect?: components["schemas"]["Scenario.dialect"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            status?: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            default_headers?: components["schemas"]["Scenario.default_headers"];
            encoding?: components["schemas"]["Scenario.encoding"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            json: unknown;
            status?: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            text: string;
            status?: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            body: {
                text: string;
            } | {
                base64: string;
            };
            status?: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            status: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            cassette: string;
            interaction?: number;
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            encoding?: components["schemas"]["Scenario.encoding"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            when?: components["schemas"]["Scenario.when"];
            method?: components["schemas"]["Scenario.method"];
            path?: components["schemas"]["Scenario.path"];
            times?: components["schemas"]["Scenario.times"];
            expect?: components["schemas"]["Scenario.expect"];
            by?: components["schemas"]["Scenario.by"];
            forward: {
                to: string;
            };
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        };
        "Scenario.reply": {
            answer: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            chat: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            gemini: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            messages: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            ollama: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            responses: components["schemas"]["Scenario.completion"];
            gateway?: components["schemas"]["Scenario.gateway"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            latency?: components["schemas"]["Scenario.latency"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            events: components["schemas"]["Scenario.event"][];
            dialect?: components["schemas"]["Scenario.dialect"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            status?: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            default_headers?: components["schemas"]["Scenario.default_headers"];
            encoding?: components["schemas"]["Scenario.encoding"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            stream: {
                chunks?: ({
                    text: string;
                    delay?: number;
                } | {
                    base64: string;
                    delay?: number;
                })[];
                /** @enum {unknown} */
                ending?: "eof" | "abort" | "reset" | "hang";
                /** @enum {unknown} */
                framing?: "chunked" | "length" | "close";
                announced?: number;
            };
            dialect?: components["schemas"]["Scenario.dialect"];
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            status?: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            default_headers?: components["schemas"]["Scenario.default_headers"];
            encoding?: components["schemas"]["Scenario.encoding"];
            head?: components["schemas"]["Scenario.head"];
            delay?: components["schemas"]["Scenario.delay"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            json: unknown;
            status?: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
        } | {
            text: string;
            status?: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
        } | {
            body: {
                text: string;
            } | {
                base64: string;
            };
            status?: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
        } | {
            status: components["schemas"]["Scenario.status"];
            headers?: components["schemas"]["Scenario.headers"];
            head?: components["schemas"]["Scenario.head"];
        } | {
            cassette: string;
            interaction?: number;
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            encoding?: components["schemas"]["Scenario.encoding"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        } | {
            forward: {
                to: string;
            };
            provider?: components["schemas"]["Scenario.provider"];
            pace?: components["schemas"]["Scenario.pace"];
            price?: components["schemas"]["Scenario.price"];
            through?: components["schemas"]["Scenario.through"];
            ending?: components["schemas"]["Scenario.ending"];
            framing?: components["schemas"]["Scenario.framing"];
            pacing?: components["schemas"]["Scenario.pacing"];
        };
        "Scenario.event": string | {
            data: string;
            event?: string;
            id?: string;
            delay?: number;
        } | {
            comment: string;
            delay?: number;
        } | {
            retry: number;
            delay?: number;
        } | {
            text: string;
            delay?: number;
        } | {
            base64: string;
            delay?: number;
        };
        "Scenario.completion": string | {
            text?: string;
            tokens?: number;
            pieces?: string[];
            reasoning?: string;
            tool_calls?: {
                name: string;
                arguments?: string | Record<string, never>;
                id?: string;
            }[];
            refusal?: string;
            finish_reason?: string;
            native_finish_reason?: string;
            usage?: {
                prompt_tokens: number;
                completion_tokens: number;
                reasoning_tokens?: number;
                cost?: number;
            };
            model?: string;
            id?: string;
            created?: number;
            others?: (string | string[])[];
            error?: {
                message?: string;
                code?: number | string;
                after?: number;
                /** @enum {unknown} */
                shape?: "documented" | "recorded" | "named_event" | "bare" | "bare_done";
            };
        };
        "Scenario.transform": ("blank_lines" | "bom" | "cut_at" | "extra_fields" | "hold" | "per_byte" | "per_event" | "split_at") | {
            /** @description Send one more event after everything else; in a JSON array, as its last element. */
            append?: ({
                data: string;
                event?: string;
                id?: string;
            } | {
                comment: string;
            } | {
                retry: number;
            } | string | {
                base64: string;
            }) | {
                event: {
                    data: string;
                    event?: string;
                    id?: string;
                } | {
                    comment: string;
                } | {
                    retry: number;
                } | string | {
                    base64: string;
                };
            };
            /** @description Insert ``number`` additional empty lines after each event, and after comments alone. */
            blank_lines?: number | {
                number?: number;
            };
            /** @description Send a byte order mark first, in a chunk of its own; a stream that has one keeps it. */
            bom?: Record<string, never>;
            /** @description Join each ``number`` chunks into one. Raises ``ScenarioError`` for a number below 1. */
            coalesce?: number | {
                number: number;
            };
            /** @description Insert a comment block (the line and an empty line) after each ``every``-th event, and ``before`` at the start. */
            comments?: string | {
                text: string;
                every?: number;
                before?: number;
            };
            /** @description Flip the lowest bit of the byte at ``at``: the length stays, and text mostly stays text. */
            corrupt?: (number | {
                after_event: number;
            } | {
                after_text: string;
            } | {
                inside_event: number;
            } | {
                inside_text: string;
            }) | {
                at: number | {
                    after_event: number;
                } | {
                    after_text: string;
                } | {
                    inside_event: number;
                } | {
                    inside_text: string;
                };
            };
            /** @description Cut the body at these offsets and nowhere else; without offsets it is one chunk. */
            cut_at?: ((number | {
                after_event: number;
            } | {
                after_text: string;
            } | {
                inside_event: number;
            } | {
                inside_text: string;
            })[] | (number | {
                after_event: number;
            } | {
                after_text: string;
            } | {
                inside_event: number;
            } | {
                inside_text: string;
            })) | {
                offsets?: (number | {
                    after_event: number;
                } | {
                    after_text: string;
                } | {
                    inside_event: number;
                } | {
                    inside_text: string;
                })[] | (number | {
                    after_event: number;
                } | {
                    after_text: string;
                } | {
                    inside_event: number;
                } | {
                    inside_text: string;
                });
            };
            /** @description Omit each event that the marker matches: its whole block, with any comment lines in it. */
            drop?: string | {
                marker: string;
            };
            /** @description Insert lines that a client has to ignore at the start of each event's block. */
            extra_fields?: (string[] | string) | {
                lines?: string[] | string;
            };
            /** @description Send the first chunk ``delay`` seconds after the head: the time to the first token. */
            first_chunk?: number | {
                delay: number;
            };
            /** @description Send nothing from ``at`` on, and keep the connection open. A Content-Length still announces the whole body. */
            hang?: (number | {
                after_event: number;
            } | {
                after_text: string;
            } | {
                inside_event: number;
            } | {
                inside_text: string;
            }) | {
                at: number | {
                    after_event: number;
                } | {
                    after_text: string;
                } | {
                    inside_event: number;
                } | {
                    inside_text: string;
                };
            };
            /** @description Send a comment in a chunk of its own after every ``seconds`` of silence, until the next chunk comes. */
            heartbeat?: number | {
                seconds: number;
                text?: string;
            };
            /** @description Stop the stream after ``after`` events, or ``chunks`` chunks, until the test releases it: a gate. */
            hold?: (number | null) | {
                after?: number | null;
                chunks?: number | null;
            };
            /** @description Insert the byte 0xFF, which UTF-8 never has, at ``at``. A decoder turns it into U+FFFD. */
            invalid_utf8?: (number | {
                after_event: number;
            } | {
                after_text: string;
            } | {
                inside_event: number;
            } | {
                inside_text: string;
            }) | {
                at: number | {
                    after_event: number;
                } | {
                    after_text: string;
                } | {
                    inside_event: number;
                } | {
                    inside_text: string;
                };
            };
            /** @description Make each delay up to ``spread`` seconds longer or shorter at random, never below 0. Same seed, same delays. */
            jitter?: {
                seed: number | string;
                spread: number;
            };
            /** @description Write every line end as ``"\n"``, ``"\r"`` or ``"\r\n"``; in a JSON array, those between its elements. */
            newlines?: string | {
                newline: string;
            };
            /** @description Send each chunk ``delay`` seconds after the one before, the first one after the head. */
            pace?: number | {
                delay: number;
            };
            /** @description Make one chunk of each byte. */
            per_byte?: Record<string, never>;
            /** @description Make one chunk of each event, and of comments alone. Further empty lines belong to the event before them. */
            per_event?: Record<string, never>;
            /** @description Make chunks of random sizes from ``smallest`` to ``largest`` bytes; the same seed gives the same sizes. */
            random_chunks?: (number | string) | {
                seed: number | string;
                smallest?: number;
                largest?: number;
            };
            /** @description Make chunks of ``size`` bytes; the last one may be smaller. Raises ``ScenarioError`` for a size below 1. */
            rechunk?: number | {
                size: number;
            };
            /** @description Send the first event that the marker matches a second time, right after itself. */
            repeat?: string | {
                marker: string;
            };
            /** @description Multiply all delays by ``factor``: 0.5 is twice as fast, 0 removes the delays. */
            scale?: number | {
                factor: number;
            };
            /** @description Make further cuts at these body offsets; existing boundaries stay. */
            split_at?: ((number | {
                after_event: number;
            } | {
                after_text: string;
            } | {
                inside_event: number;
            } | {
                inside_text: string;
            })[] | (number | {
                after_event: number;
            } | {
                after_text: string;
            } | {
                inside_event: number;
            } | {
                inside_text: string;
            })) | {
                offsets?: (number | {
                    after_event: number;
                } | {
                    after_text: string;
                } | {
                    inside_event: number;
                } | {
                    inside_text: string;
                })[] | (number | {
                    after_event: number;
                } | {
                    after_text: string;
                } | {
                    inside_event: number;
                } | {
                    inside_text: string;
                });
            };
            /** @description Wait ``seconds`` longer before event number ``before``, counted from 1. */
            stall?: {
                before: number;
                seconds: number;
            };
            /** @description Send nothing from ``at`` on, and end the response with ``ending``. */
            truncate?: (number | {
                after_event: number;
            } | {
                after_text: string;
            } | {
                inside_event: number;
            } | {
                inside_text: string;
            }) | {
                at: number | {
                    after_event: number;
                } | {
                    after_text: string;
                } | {
                    inside_event: number;
                } | {
                    inside_text: string;
                };
                /** @enum {unknown} */
                ending?: "eof" | "abort" | "reset" | "hang";
            };
        };
        "Scenario.dialect": string;
        "Scenario.gateway": string;
        "Scenario.provider": null | (string | {
            name: string;
            stops_on_cancel: boolean;
        });
        "Scenario.pace": number;
        "Scenario.latency": null | string;
        "Scenario.price": number;
        "Scenario.status": number;
        "Scenario.headers": {
            [key: string]: string;
        } | string[][];
        "Scenario.default_headers": boolean;
        /** @enum {unknown} */
        "Scenario.encoding": "gzip";
        "Scenario.head": number;
        "Scenario.delay": number;
        "Scenario.through": components["schemas"]["Scenario.transform"][];
        /** @enum {unknown} */
        "Scenario.ending": "eof" | "abort" | "reset" | "hang";
        /** @enum {unknown} */
        "Scenario.framing": "chunked" | "length" | "close";
        /** @enum {unknown} */
        "Scenario.pacing": "recorded" | "lockstep" | "instant";
        "Scenario.when": {
            model?: (string | number | boolean | null) | {
                equals?: unknown;
                contains?: string;
                /** Format: regex */
                matches?: string;
            };
            turn?: number | {
                equals?: unknown;
                contains?: string;
                /** Format: regex */
                matches?: string;
            };
            last_user?: (string | number | boolean | null) | {
                equals?: unknown;
                contains?: string;
                /** Format: regex */
                matches?: string;
            };
            step?: number | {
                equals?: unknown;
                contains?: string;
                /** Format: regex */
                matches?: string;
            };
            tools?: (string | number | boolean | null) | {
                equals?: unknown;
                contains?: string;
                /** Format: regex */
                matches?: string;
            };
            has_tool_result?: boolean;
            last_tool?: (string | number | boolean | null) | {
                equals?: unknown;
                contains?: string;
                /** Format: regex */
                matches?: string;
            };
            tool_result?: (string | number | boolean | null) | {
                equals?: unknown;
                contains?: string;
                /** Format: regex */
                matches?: string;
            };
            headers?: {
                [key: string]: (string | number | boolean | null) | {
                    equals?: unknown;
                    contains?: string;
                    /** Format: regex */
                    matches?: string;
                };
            };
            json?: Record<string, never>;
        };
        "Scenario.method": string;
        "Scenario.path": string | null;
        "Scenario.times": number;
        "Scenario.expect": {
            /** @enum {unknown} */
            outcome?: "completed" | "left_at_end" | "cancelled" | "faulted" | "abandoned" | "still_open" | "unmatched" | "left";
            within?: number;
            /** @enum {unknown} */
            upstream?: "stopped";
        };
        /** @enum {unknown} */
        "Scenario.by": "order" | "conversation";
    };
    responses: {
        /** @description What could not be done, and what to do. */
        Problem: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    about: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Which program answers, and the number of this API. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["About"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description This document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenApi"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    journal: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every exchange of the session that the request belongs to. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Journal"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description Only what happened after the event of that number. */
                since?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An event stream; the data of each event is an `Event`, its id goes up, its type is the kind of event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLanes: {
        parameters: {
            query?: {
                /** @description Only what happened after the event of that number. */
                since?: number;
                /** @description Only the calls of that session. */
                session?: string;
                /** @description Only the call with that id. */
                call?: string;
                /** @description How many, at most. */
                last?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What a live page shows: the latest calls of all sessions, each with the plan of its stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Lanes"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listBills: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The bills of the latest calls whose answer or whose model is under way, of all sessions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Bills"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every session. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sessions"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    openSession: {
        parameters: {
            query?: {
                /** @description When a chunk is written. */
                pacing?: "recorded" | "lockstep" | "instant";
                /** @description Whose form answers and errors have; by default the server's. */
                gateway?: "onerouter" | "openrouter" | "openai" | "anthropic" | "google" | "groq" | "azure" | "deepseek" | "vllm" | "llamacpp";
                /** @description Whether the verify complains of unmatched requests and routes never asked. */
                strict?: boolean;
                /** @description Seconds without a request or a verb after which it ends. */
                ttl?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Scenario"];
            };
        };
        responses: {
            /** @description Open a session with the routes of a scenario document. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The scenario is wrong. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many sessions. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    showSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One session. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    endSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description End a session and judge it: a problem of status 409 has the failure in pytest's words. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Verdict"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client under test is wrong: `detail` is the failure in pytest's words. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The scenario is wrong. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    verifySession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Judge a session as it is now, without ending it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Verdict"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client under test is wrong: `detail` is the failure in pytest's words. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The scenario is wrong. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resetSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Empty a session: no routes, an empty journal, nothing open. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    showAccount: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was seen so far, in words: what pytest shows of a test that failed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Account"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    savePage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the live page shows of a session, as one HTML file that needs no server. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Page"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    playFile: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description The name of the file, for the texts of errors. */
                    name: string;
                    /** @description What is in it. */
                    text: string;
                    /**
                     * @description Of a recording, as `sse_server.cassette` (`once`) or `sse_server.serve` (`again`) plays it: after the other routes. Without it, `again`, and before the other routes.
                     * @enum {unknown}
                     */
                    play?: "once" | "again";
                    /** @description With `play`: the options of `sse_server.cassette`, or of `serve`. */
                    options?: {
                        through?: components["schemas"]["Scenario.transform"][];
                        /** @enum {unknown} */
                        pacing?: "recorded" | "lockstep" | "instant";
                        provider?: null | (string | {
                            name: string;
                            stops_on_cancel: boolean;
                        });
                        pace?: number;
                        price?: number;
                        match_on?: string[];
                        allow_playback_repeats?: boolean;
                        delays?: boolean;
                        filters?: Record<string, never>;
                        strict?: boolean;
                    };
                };
            };
        };
        responses: {
            /** @description Play a scenario, a cassette, or a recording of another tool such as a HAR: its routes come before all others. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Played"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The scenario is wrong. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessionJournal: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Every exchange of a session. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Journal"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sessionEvents: {
        parameters: {
            query?: {
                /** @description Only what happened after the event of that number. */
                since?: number;
            };
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description An event stream; the data of each event is an `Event`, its id goes up, its type is the kind of event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRoutes: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The routes of a session. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Routes"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addRoutes: {
        parameters: {
            query?: {
                /** @description Whether the verify complains if they are never asked. */
                strict?: boolean;
            };
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Scenario.route"] | components["schemas"]["Scenario"];
            };
        };
        responses: {
            /** @description Add a route, or all routes of a scenario document. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Routes"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The scenario is wrong. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    showRoute: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
                /** @description The id of a route in its session. */
                route: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One route. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Route"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeRoute: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
                /** @description The id of a route in its session. */
                route: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Take a route away. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Route"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    releaseRoute: {
        parameters: {
            query?: {
                /** @description How many gates are opened. */
                gates?: number;
            };
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
                /** @description The id of a route in its session. */
                route: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Open the next gate (`hold`) of a route, for every request that it answers now or later. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Route"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCalls: {
        parameters: {
            query?: {
                /** @description Only the calls of the route with that id, or of several: `r1,r2`. */
                route?: string;
                /** @description Only what happened after the event of that number. */
                since?: number;
            };
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The calls of a session, or of one of its routes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Calls"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    showCall: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
                /** @description The id of a call in its session. */
                call: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One call. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Call"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    showStream: {
        parameters: {
            query?: {
                /** @description How many of its chunks, from the first. */
                chunks?: number;
            };
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
                /** @description The id of a call in its session. */
                call: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The chunks of a call's answer: their bytes, and what each says. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Stream"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    holdCall: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
                /** @description The id of a call in its session. */
                call: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Hold a stream before its next chunk. An answer that is played `instant` is written at once, and not held. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Call"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many sessions. */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    releaseCall: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
                /** @description The id of a call in its session. */
                call: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Let a stream go on: one that was held by `hold`, else one at a gate of its route, which opens. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Call"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cutCall: {
        parameters: {
            query?: {
                /** @description How the connection ends. */
                by?: "fin" | "rst";
            };
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
                /** @description The id of a call in its session. */
                call: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description End a response now; its outcome is `faulted`. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Call"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    wait: {
        parameters: {
            query: {
                /** @description `call`: a request has come. `held`: a stream is held at a gate. `outcome`: the outcome is decided. `finished`: the whole answer was taken. `left`: all calls that were open are left within the time, as expect_disconnect says. `upstream`: the client left before the end and the model stopped, as assert_upstream_stopped says. */
                for: "call" | "held" | "outcome" | "finished" | "left" | "upstream";
                /** @description Only the calls of the route with that id, or of several: `r1,r2`. */
                route?: string;
                /** @description Only the call with that id. */
                call?: string;
                /** @description Only what happened after the event of that number. */
                since?: number;
                /** @description Which of the calls, from 1. */
                number?: number;
                /** @description Seconds of this poll. */
                timeout?: number;
                /** @description For `left`: seconds that the client has, from the moment of this call. */
                within?: number;
                /** @description For `left`: what an answer that was not final said; the time counts from there. */
                act?: number;
                /** @description For `upstream`: how many a model that goes on may bill. */
                leaked_tokens?: number;
            };
            header?: never;
            path: {
                /** @description The id of a session; `default` is the one of requests that name no session. */
                session: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Wait for something to happen, and say whether it did. It can be repeated: a poll takes 30 seconds at most. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Found"];
                };
            };
            /** @description The call is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token is missing or wrong. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The call is refused. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not found. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
