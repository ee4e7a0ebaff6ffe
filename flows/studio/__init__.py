"""The studio: a local web page over the definitions, which shows and writes what the commands do."""
