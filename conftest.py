"""The root of the test suite."""
