"""HTML pages of runs: a self-contained file (`eureka report`), and live pages (`eureka view`)."""
