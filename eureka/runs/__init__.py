"""Run folders: journal, recorded results, candidates, and the statistics computed from them."""
