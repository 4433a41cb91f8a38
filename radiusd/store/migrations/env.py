"""Run by alembic: the connection comes from `Database.migrate`, inside its transaction."""

from alembic import context

from radiusd.store.columns import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
