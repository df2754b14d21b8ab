"""One module a file format, each turning bytes into reports; `registry` knows them all."""
