"""Random decisions of whole installations, made by the real planner and real gateways, and judged by the oracle.

world.py      a seed -> what is declared, now and a while ago; what gateways are configured with
network.py    gateways without sockets: a clock of the test's, and a pool that only writes down who was to be asked
drawing.py    a request, what fails meanwhile, and how old the configs are
judging.py    what became of it, beside what the law says
"""
