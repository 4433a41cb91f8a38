import click


@click.command()
def why() -> None:
    """x"""
