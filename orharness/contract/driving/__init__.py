"""Driving a client under test: functions, commands and drivers. It knows neither cases nor servers."""
