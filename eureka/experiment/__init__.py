"""Whole experiments: the search over generations, comparisons, benchmarks, and sessions that resume."""
