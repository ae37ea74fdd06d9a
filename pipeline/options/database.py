"""Parameters: the database, and how Debezium reaches it."""

from typing import Final

from pipeline import values
from pipeline.domain import defaults
from pipeline.options.parameter import ON_DATAFLOW, Parameter, ParameterGroup, Taker

DATABASE_URL: Final = Parameter(
    name="database_url",
    label="Database",
    help="The Postgres database, without a password. Connections are encrypted and verify the"
    " server: sslmode is verify-full, unless the URL sets verify-ca.",
    group=ParameterGroup.DATABASE,
    kind=values.DATABASE_URL,
    takers=ON_DATAFLOW,
    needed_by=ON_DATAFLOW,
    example="postgresql://fanout_pipeline@10.20.0.3:5432/app",
    metavar="URL",
)
DATABASE_PASSWORD_SECRET: Final = Parameter(
    name="database_password_secret",
    label="Secret with the database password",
    help="The name of a secret in Secret Manager. Only the workers read its value.",
    group=ParameterGroup.DATABASE,
    kind=values.SECRET,
    takers=ON_DATAFLOW,
    needed_by=ON_DATAFLOW,
    example="projects/my-project/secrets/fanout-database-password",
    metavar="NAME",
)
DATABASE_CA_SECRET: Final = Parameter(
    name="database_ca_secret",
    label="Secret with the database server's certificate authority",
    help="The name of a secret with the certificates, in PEM, that verify the server.",
    group=ParameterGroup.DATABASE,
    kind=values.SECRET,
    takers=ON_DATAFLOW,
    needed_by=ON_DATAFLOW,
    example="projects/my-project/secrets/fanout-server-ca",
    metavar="NAME",
)
DATABASE_CONNECTIONS: Final = Parameter(
    name="database_connections",
    label="Connections the database grants the job",
    help="The limit for: workers at most, times processes per worker, times pool_size.",
    group=ParameterGroup.DATABASE,
    kind=values.CONNECTIONS,
    takers=ON_DATAFLOW,
    default=defaults.GRANTED_CONNECTIONS,
    metavar="NUMBER",
)
POOL_SIZE: Final = Parameter(
    name="pool_size",
    label="Connections per process",
    help="The most connections that one process opens. A worker runs one process per vCPU.",
    group=ParameterGroup.DATABASE,
    kind=values.count("number of connections", such_as=defaults.POOL_SIZE, most=99),
    takers=ON_DATAFLOW,
    default=defaults.POOL_SIZE,
    metavar="NUMBER",
)
CONNECTIONS: Final = Parameter(
    name="connections",
    help="The --database_connections of the job on Dataflow.",
    kind=values.CONNECTIONS,
    takers=(Taker.DOCTOR,),
    default=defaults.GRANTED_CONNECTIONS,
    metavar="NUMBER",
)
CDC_HOST: Final = Parameter(
    name="cdc_host",
    help="The DATABASE_HOST of Debezium, to connect as Debezium does; the password comes from"
    " DATABASE_PASSWORD.",
    kind=values.HOST,
    takers=(Taker.DOCTOR,),
    metavar="HOST",
)
CDC_PORT: Final = Parameter(
    name="cdc_port",
    help="The DATABASE_PORT of Debezium.",
    kind=values.PORT,
    takers=(Taker.DOCTOR,),
    default=defaults.POSTGRES_PORT,
    metavar="PORT",
)
CDC_USER: Final = Parameter(
    name="cdc_user",
    help="The DATABASE_USER of Debezium.",
    kind=values.ROLE,
    takers=(Taker.DOCTOR,),
    default=defaults.CAPTURE_USER,
    metavar="USER",
)
CDC_SSLMODE: Final = Parameter(
    name="cdc_sslmode",
    help="The DATABASE_SSLMODE of Debezium.",
    kind=values.SSLMODE,
    takers=(Taker.DOCTOR,),
    default=defaults.SSLMODE,
    metavar="MODE",
)
