"""The shipped tests: one a file, each short enough to be read in a minute. They import public names only."""
