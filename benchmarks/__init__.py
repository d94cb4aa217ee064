"""Measurements that anyone can repeat; they are no part of the package."""
