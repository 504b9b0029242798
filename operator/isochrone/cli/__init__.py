"""The command `isochrone`: one file per command, each a click command, registered by one line below.

What lives here turns words of the command line into calls, and results into text or JSON. Decisions don't: they are in
the packages that the commands call. Those are imported when a command runs, so that `--help` answers at once.
"""

import click

from isochrone.cli import (
    audit,
    drill,
    explain,
    operator,
    piped,
    plan,
    render,
    site,
    sites,
    status,
    support_bundle,
    uninstall,
    up,
    validate,
    verify,
)


@click.group(cls=piped.Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="isochrone", message="isochrone %(version)s")
def main() -> None:
    """An open AI edge network for your own Kubernetes clusters."""


main.add_command(validate.command)
main.add_command(plan.command)
main.add_command(explain.command)
main.add_command(render.command)
main.add_command(verify.command)
main.add_command(drill.command)
main.add_command(audit.command)
main.add_command(operator.command)
main.add_command(site.command)
main.add_command(status.command)
main.add_command(support_bundle.command)
main.add_command(uninstall.command)
main.add_command(up.command)
main.add_command(sites.command)
