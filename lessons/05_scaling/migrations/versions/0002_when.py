"""The time of each event, to measure how long it took until it was sent."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    with op.batch_alter_table("event") as table:
        table.add_column(sa.Column("at", sa.Double(), nullable=False, server_default="0"))


def downgrade():
    with op.batch_alter_table("event") as table:
        table.drop_column("at")
