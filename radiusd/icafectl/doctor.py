import click


@click.group()
def doctor() -> None:
    """x"""
