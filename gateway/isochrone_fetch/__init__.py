"""Brings a model's weights into a folder before its engine starts, and lets nothing pass that isn't what was asked for.

    source    where files are: https.py, hf.py, s3.py, oci.py turn a path into a request
    download  one file: to the side, resumed, verified, then put in its place
    manifest  many files: one digest for all of them
    cli       `isochrone-fetch --to FOLDER --digest sha256:... URI`

It runs in an init container of each engine's pod, has no state but its folder, and needs the standard library only. A
run that is broken off is begun again and goes on where it was. Gateway and operator are unknown to it.
"""
