"""The operating system: files, paths, seeds, signals and hardware."""
