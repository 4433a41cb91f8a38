"""`icafectl completion`."""

import click
from click.shell_completion import get_completion_class

from radiusd.icafectl.grammar import examples


@click.command(
    epilog=examples(
        "completion bash > /etc/bash_completion.d/icafectl",
        "completion zsh > ~/.zfunc/_icafectl",
        "completion fish > ~/.config/fish/completions/icafectl.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete verbs, options and names."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows these three
    click.echo(kind(context.find_root().command, {}, "icafectl", "_ICAFECTL_COMPLETE").source())
