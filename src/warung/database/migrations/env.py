"""Runs the migrations on the connection, and in the transaction, that the caller opened."""

from alembic import context

from warung.database.model import Model

context.configure(
    connection=context.config.attributes["connection"],
    # Filled by whoever imported the models: only comparing and generating need them.
    target_metadata=Model.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
