"""All objects of a site's gateway, one file per concern."""
