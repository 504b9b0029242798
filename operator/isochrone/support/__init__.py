"""What somebody who helps may see: objects and logs of clusters without their secrets, as files of one archive.

    scrubbing   text without secrets: those that are known, and whatever looks like one
    shown       an object without its secrets, kind by kind
    bundle      everything that was collected -> files, with an index on top
    archive     files -> one .tar.gz

Whether something is left out is decided here, and nowhere else. Pure.
"""
