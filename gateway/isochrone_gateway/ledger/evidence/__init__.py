"""What was processed where, kept so that a change to it is seen: hash chains on disk, and signed checkpoints of them.

What lives here:

    lines        what a chain can say, one record per kind                       (pure)
    chain        records -> lines, each with the hash of all before it           (pure)
    pen          what a chain says next: linked a few at a time, kept until they are on disk; never waits
    segments     the files of one chain: appended to, closed, found after a crash, removed when they are old
    writer       the thread of one worker that writes its chain
    keeping      whether requests are written, and what happens to those that can't be
    checkpoint   heads of chains -> signed lines, and anchors of them            (pure)
    instance     one gateway's folder: its lock, its key, its checkpoints

What must not: prompts, answers, keys, or values of headers other than those that `lines` names.
"""
