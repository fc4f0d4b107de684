from tests.query.conftest import hand_made_world, new_warehouse  # noqa: F401 – the worlds that query is tried on
