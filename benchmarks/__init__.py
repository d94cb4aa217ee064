"""Measurements that anyone can repeat; they are not part of the package."""
