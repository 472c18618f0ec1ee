"""Version 2.0 of the API, as far as clients from before version 3 need it to log in. A setting turns it on."""
