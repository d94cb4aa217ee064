"""Load tests of `orharness serve`, or of a gateway before it, by engines that exist: Locust and k6."""
