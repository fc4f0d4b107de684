"""What happens inside the transaction that publishes a load, step by step."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from kpi import schema
from kpi.errors import LoadError
from kpi.warehouse import rollup
from kpi.warehouse.days import calendar_rows, wall_clock
from kpi.warehouse.derive import CANDIDATES, derived, fresh, prepare
from kpi.warehouse.engine import Warehouse
from kpi.warehouse.neighbours import link
from kpi.warehouse.published import Feed, Published, write_facts
from kpi.warehouse.staging import STAGEABLE, Stage, all_differ, listed, literal, staged
from kpi.warehouse.tail import months_changed_by, write_months
from kpi.warehouse.upsert import Counts, compare, remove_stored, same_key, stored, write

# Interactions that are sorted, or derived again, and written at once: bounds memory, and makes files of a good size.
_ROWS_AT_ONCE = 1_000_000

# Tables that hang on an interaction, by (source, interaction_id).
_CHILDREN = (schema.handling_leg, schema.function_use, schema.complaint, schema.referral)
# Children whose own key begins with the interaction's, and that carry its business date.
_DATED_CHILDREN = (schema.handling_leg, schema.function_use)
# Where two rows of one thing must not be in force on the same day.
_VALIDITY = {schema.customer_tier: ("customer_key",), schema.unit_cost: ("channel", "handler", "topic")}
_EVER = "DATE '9999-12-31'"


class Publication:
    """One load's writing. After ``run()``: ``load_id``, ``counts`` by table, and ``changed_days``, the business
    dates of facts that the load itself brought or corrected.
    """

    def __init__(
        self, warehouse: Warehouse, connection: sa.Connection, stage: Stage, feeds: dict[str, Feed], before: Published
    ) -> None:
        """``before``: what was published, with the zone that holds from this load on."""
        self._warehouse = warehouse
        self._before = before
        self._connection = connection
        self._run = connection.exec_driver_sql
        self._stage = stage
        self._feeds = feeds
        self._handed = [STAGEABLE[name] for name in stage.rows]
        self.counts: dict[str, Counts] = {}
        self.changed_days: set[date] = set()
        # Stored interactions that must be derived again: conditions over ``i``.
        self._again: list[str] = []
        # Business dates whose roll-ups must be made again.
        self._days: set[date] = set()

    def run(self) -> None:
        """Write everything that is staged and what follows from it.

        Raises LoadError when the data contradicts itself or what is stored.
        """
        before = self._before
        self._had_facts = before.data_start is not None
        first, last = self._run("SELECT min(business_date), max(business_date) FROM interaction").one()
        self._stored_days: tuple[date, date] | None = None if first is None else (first, last)
        self.load_id: int = self._run("SELECT coalesce(max(load_id), 0) + 1 FROM load_batch").scalar_one()
        self._zone = before.zone
        self._stage.require(schema.interaction, schema.referral, schema.customer_month)
        self._write_feeds(before.feeds)
        self._run("CREATE OR REPLACE TEMP TABLE suspect (source VARCHAR, interaction_id VARCHAR, business_date DATE)")
        self._run("CREATE OR REPLACE TEMP TABLE person (customer_key BIGINT, from_date DATE, to_date DATE)")
        self._write_masters()
        self._compare_interactions()
        self._locate_children()
        self._write_children()
        self._write_interactions()
        self._write_calendar()
        self._check_unique()
        self._record_data_start(before.data_start)
        after = self._warehouse.published(self._connection)
        self._days |= rollup.days_changed_by(self._connection, before, after)
        rollup.rebuild(self._connection, after, self._days, self._stored_days)
        self.counts = {table.name: self.counts[table.name] for table in self._handed}

    # --- feeds and masters ---

    def _write_feeds(self, known: dict[str, Feed]) -> None:
        rows: list[dict[str, object]] = []
        for source, given in self._feeds.items():
            old = known.get(source, given)
            watermark, carries = max(given.watermark, old.watermark), given.carries | old.carries
            if replace(given, watermark=watermark, carries=carries) == known.get(source):
                continue
            rows.append(
                {
                    "source": source,
                    "name_zh": given.name_zh,
                    "name_en": given.name_en,
                    "watermark": watermark,
                    "carries": json.dumps(sorted(carries)),
                }
            )
        if rows:
            table = schema.feed
            self._connection.execute(table.delete().where(table.c.source.in_([row["source"] for row in rows])))
            self._connection.execute(table.insert().values(rows))
        registered = {*known, *self._feeds}
        for table in self._handed:
            if "source" in table.columns:
                for (source,) in self._run(f"SELECT DISTINCT source FROM {staged(table)} ORDER BY 1"):
                    if source not in registered:
                        raise LoadError("feed_missing", table=table.name, source=source)

    def _write_masters(self) -> None:
        """Tables that facts refer to. What changed in them says which stored facts are derived again."""
        facts = {schema.interaction, schema.agent_time, *_CHILDREN}
        masters = [table for table in self._handed if table not in facts]
        for table in masters:
            self._compare(table)
        changed = {table.name for table in masters if self.counts[table.name].loaded + self.counts[table.name].updated}
        if schema.customer_month not in masters:
            self._compare(schema.customer_month)
        months = months_changed_by(self._connection, changed)
        for table in masters:
            if table is not schema.customer_month:
                write(self._connection, table, self.counts[table.name])
        for table, thing in _VALIDITY.items():
            if table.name in changed:
                self._refuse_overlap(table, thing)
        if months or "customer_month" in changed:
            write_months(self._connection, self.counts["customer_month"], months)
            self._note_tails()
        for name in changed:
            note = getattr(self, f"_note_{name}", None)
            if note is not None and self._had_facts:
                note()
        self._note_persons()

    def _compare(self, table: sa.Table, where: str = "true", given: dict[str, str] | None = None) -> None:
        repeated = self._stage.duplicate[table.name]
        self.counts[table.name] = compare(self._connection, table, repeated, where, given)

    def _refuse_overlap(self, table: sa.Table, thing: tuple[str, ...]) -> None:
        keys = listed(thing)
        overlaps = (
            f"(SELECT *, lead(valid_from) OVER (PARTITION BY {keys} ORDER BY valid_from) AS following "
            f"FROM {table.name} SEMI JOIN {staged(table)} USING ({keys}))"
        )
        bad = self._run(
            f"SELECT {keys}, valid_from FROM {overlaps} WHERE following < coalesce(valid_to, {_EVER})"
        ).fetchall()
        if bad:
            names = [*thing, "valid_from"]
            first = ", ".join(f"{name} {value}" for name, value in zip(names, bad[0], strict=True))
            raise LoadError("validity_overlap", table=table.name, rows=len(bad), example=first)

    # --- which stored facts follow from a changed master ---

    def _note_customer(self) -> None:
        self._run(
            f"INSERT INTO person SELECT n.customer_key, DATE '0001-01-01', {_EVER} "
            f"FROM {staged(schema.customer)} n LEFT JOIN {stored(schema.customer)} o USING (customer_key) "
            "WHERE (n.region, n.age_band) IS DISTINCT FROM (o.region, o.age_band)"
        )

    def _note_customer_tier(self) -> None:
        for relation in (staged(schema.customer_tier), stored(schema.customer_tier)):
            self._run(
                f"INSERT INTO person SELECT customer_key, valid_from, coalesce(valid_to, {_EVER}) FROM {relation}"
            )

    def _note_tails(self) -> None:
        # Without a row a customer is tail, so that a first row that says so changes nothing.
        if self._had_facts:
            self._run(
                "INSERT INTO person SELECT customer_key, month + INTERVAL 1 MONTH, month + INTERVAL 2 MONTH "
                "FROM retailed WHERE coalesce(was, true) <> coalesce(is_tail, true)"
            )

    def _note_topic(self) -> None:
        self._again.append(f"i.topic IN (SELECT topic FROM {staged(schema.topic)})")

    def _note_channel(self) -> None:
        self._again.append(f"i.channel IN (SELECT channel FROM {staged(schema.channel)})")
        # Parts of roll-ups ask for the channel's family.
        self._days |= {day for (day,) in self._run("SELECT DISTINCT business_date FROM interaction")}

    def _note_service_target(self) -> None:
        for relation in (staged(schema.service_target), stored(schema.service_target)):
            for channel, since in self._run(f"SELECT channel, min(valid_from) FROM {relation} GROUP BY channel"):
                self._again.append(f"(i.channel = {literal(channel)} AND i.business_date >= DATE '{since}')")

    def _note_unit_cost(self) -> None:
        # Not by channel: what an agent costs on one is what a human would have cost on all.
        since, until = self._run(
            f"SELECT min(valid_from), max(coalesce(valid_to, {_EVER})) FROM ("
            f"SELECT valid_from, valid_to FROM {staged(schema.unit_cost)} UNION ALL "
            f"SELECT valid_from, valid_to FROM {stored(schema.unit_cost)})"
        ).one()
        self._again.append(f"(i.business_date >= DATE '{since}' AND i.business_date < DATE '{until}')")

    def _note_persons(self) -> None:
        since, until = self._run("SELECT min(from_date), max(to_date) FROM person").one()
        if since is None or not self._had_facts:
            return
        self._run(
            "INSERT INTO suspect SELECT DISTINCT i.source, i.interaction_id, i.business_date "
            "FROM interaction i JOIN person p ON i.customer_key = p.customer_key "
            "AND i.business_date >= p.from_date AND i.business_date < p.to_date "
            f"WHERE i.business_date >= DATE '{since}' AND i.business_date < DATE '{until}'"
        )

    # --- interactions ---

    def _compare_interactions(self) -> None:
        """Sort out the staged interactions and take out the old versions of those that are replaced."""
        table = schema.interaction
        ranges = self._run(
            f"SELECT source, min(interaction_id), max(interaction_id) FROM {staged(table)} GROUP BY source"
        ).fetchall()
        facts = {row.name: row.value for row in self._connection.execute(sa.select(schema.warehouse_fact))}
        overlapping: list[str] = []
        widened: dict[str, str] = {}
        for source, low, high in ranges:
            known = json.loads(facts.get(f"keys:{source}", "null"))
            # Most feeds number their contacts upwards: then nothing stored can be meant, and nothing is searched.
            if known is not None and low <= known[1] and high >= known[0]:
                overlapping.append(
                    f"(t.source = {literal(source)} AND t.interaction_id BETWEEN {literal(low)} AND {literal(high)})"
                )
            ranged = json.dumps([min(low, known[0]), max(high, known[1])] if known else [low, high])
            if ranged != facts.get(f"keys:{source}"):
                widened[f"keys:{source}"] = ranged
        if widened:
            write_facts(self._connection, widened)
        self._compare(
            table,
            where=f"({' OR '.join(overlapping)})" if overlapping else "false",
            given={"tier": "given_tier", "region": "given_region"},
        )
        remove_stored(self._connection, table, self.counts["interaction"])
        self._first, self._last = self._run(f"SELECT min(started_at), max(started_at) FROM {staged(table)}").one()
        days = {day for (day,) in self._run(f"SELECT DISTINCT business_date FROM {stored(table)}")}
        if self._first is not None:
            days |= {day for (day,) in self._run(f"SELECT DISTINCT {self._local()}::DATE FROM {staged(table)}")}
        self.changed_days |= days
        self._days |= days

    def _local(self, column: str = "started_at") -> str:
        return wall_clock(self._zone, column, self._first, self._last)

    def _write_interactions(self) -> None:
        link(self._connection, not self._had_facts)
        if self._had_facts:
            self._run("INSERT INTO suspect SELECT source, interaction_id, business_date FROM moved_link")
            self._derive_again()
        if self._first is None:
            return
        prepare(self._connection, self._first.date() - timedelta(days=1), self._last.date() + timedelta(days=1))
        for low, high, order in self._in_order():
            rows = derived(fresh(self.load_id), "fresh_link", self._zone, low, high)
            self._run(f"INSERT INTO interaction {rows} {order}")

    def _in_order(self) -> list[tuple[datetime, datetime, str]]:
        """Stretches of the staged interactions that are written at once, each with what puts it in order of time.

        Most feeds come in order and stream through; the others are sorted, which takes memory for all their columns.
        """
        table = staged(schema.interaction)
        back = self._run(
            f"SELECT count(*) FROM (SELECT started_at < lag(started_at) OVER () AS back FROM {table}) WHERE back"
        ).scalar_one()
        if not back:
            return [(self._first, self._last, "")]
        counted = self._run(
            f"SELECT date_trunc('day', started_at)::DATE AS day, count(*) FROM {table} GROUP BY day ORDER BY day"
        ).fetchall()
        return [
            (datetime.combine(first, time.min), datetime.combine(last, time.max), "ORDER BY s.started_at")
            for first, last in _slices(counted)
        ]

    def _derive_again(self) -> None:
        """Derive stored interactions again, and replace those that come out otherwise."""
        if self._run("SELECT count(*) FROM suspect").scalar_one():
            self._again.append("(i.source, i.interaction_id) IN (SELECT source, interaction_id FROM suspect)")
        if not self._again:
            return
        if self._again[1:] or "suspect" not in self._again[0]:
            which, relation = " OR ".join(self._again), "interaction i"
        else:
            which, relation = "true", "(SELECT DISTINCT * FROM suspect) i"
        counted = self._run(
            f"SELECT i.business_date, count(*) FROM {relation} WHERE {which} GROUP BY 1 ORDER BY 1"
        ).fetchall()
        if not counted:
            return
        prepare(self._connection, counted[0][0], counted[-1][0])
        for first, last in _slices(counted):
            self._derive_slice(first, last, " OR ".join(self._again))

    def _derive_slice(self, first: date, last: date, which: str) -> None:
        between = f"i.business_date BETWEEN '{first}' AND '{last}'"
        self._run(
            f"CREATE OR REPLACE TEMP TABLE candidate AS SELECT i.* FROM interaction i WHERE {between} AND ({which})"
        )
        self._run(
            """
            CREATE OR REPLACE TEMP TABLE candidate_link AS
            SELECT c.rowid AS rid,
                CASE WHEN m.source IS NULL THEN c.next_seconds ELSE m.next_seconds END AS next_seconds,
                CASE WHEN m.source IS NULL THEN c.previous_seconds ELSE m.previous_seconds END AS previous_seconds,
                CASE WHEN m.source IS NULL THEN c.crossed_channel ELSE m.crossed_channel END AS crossed_channel
            FROM candidate c LEFT JOIN moved_link m USING (source, interaction_id)
            """
        )
        low, high = self._run("SELECT min(started_at), max(started_at) FROM candidate").one()
        if low is None:
            return
        again = derived(CANDIDATES, "candidate_link", self._zone, low, high)
        self._run(f"CREATE OR REPLACE TEMP TABLE rederived AS {again} EXCEPT SELECT * FROM candidate")
        self._days |= {day for (day,) in self._run("SELECT DISTINCT business_date FROM rederived")}
        key = same_key(schema.interaction, "i", "r")
        self._run(f"DELETE FROM interaction i USING rederived r WHERE {key} AND {between}")
        self._run("INSERT INTO interaction SELECT * FROM rederived ORDER BY started_at")

    def _check_unique(self) -> None:
        """DuckLake enforces no key. Of days outside those stored before, all rows were staged, whose keys differ."""
        stored = self._stored_days
        touched = [day for day in sorted(self._days) if stored is not None and stored[0] <= day <= stored[1]]
        for first, last in _stretches(touched):
            written = f"interaction WHERE business_date BETWEEN '{first}' AND '{last}'"
            if all_differ(self._connection, written, "source, interaction_id"):
                continue
            bad = self._run(f"SELECT source, interaction_id FROM {written} GROUP BY ALL HAVING count(*) > 1").fetchall()
            if bad:
                raise LoadError("not_unique", rows=len(bad), example=f"{bad[0][0]}, {bad[0][1]}")

    # --- what hangs on interactions ---

    def _locate_children(self) -> None:
        """The temporary table ``located``: stored interactions that staged rows of other tables hang on.

        Raises LoadError for an interaction that is nowhere.
        """
        self._run("CREATE OR REPLACE TEMP TABLE located AS FROM suspect WHERE false")
        hanging = " UNION ALL ".join(
            f"SELECT '{table.name}' AS child, source, interaction_id FROM {staged(table)}"
            for table in _CHILDREN
            if table in self._handed
        )
        if not hanging:
            return
        # All at once: each join goes through every staged interaction.
        self._run(
            f"CREATE OR REPLACE TEMP TABLE wanted AS SELECT DISTINCT child, source, interaction_id FROM ({hanging}) "
            f"ANTI JOIN {staged(schema.interaction)} USING (source, interaction_id) WHERE interaction_id IS NOT NULL"
        )
        if not self._run("SELECT count(*) FROM wanted").scalar_one():
            return
        self._run(
            "INSERT INTO located SELECT source, interaction_id, business_date FROM interaction "
            "SEMI JOIN wanted USING (source, interaction_id)"
        )
        for table in _CHILDREN:
            lost = self._run(
                f"SELECT source, interaction_id FROM wanted ANTI JOIN located USING (source, interaction_id) "
                f"WHERE child = '{table.name}' ORDER BY ALL"
            ).fetchall()
            if lost:
                named = "; ".join(f"{source}, {key}" for source, key in lost[:3])
                raise LoadError("interaction_missing", table=table.name, rows=len(lost), examples=named)

    def _write_children(self) -> None:
        old_homes = (
            "(SELECT source, interaction_id FROM located UNION ALL "
            f"SELECT source, interaction_id FROM {stored(schema.interaction)})"
        )
        has_old = self._run(f"SELECT count(*) FROM {old_homes}").scalar_one() > 0
        local = self._local() if self._first is not None else "started_at"
        homes = (
            f"(SELECT source, interaction_id, {local}::DATE AS business_date FROM {staged(schema.interaction)} "
            "UNION ALL SELECT source, interaction_id, business_date FROM located)"
        )
        for table in _DATED_CHILDREN:
            if table not in self._handed:
                continue
            # A child of a new interaction is new itself.
            where = f"(t.source, t.interaction_id) IN {old_homes}" if has_old else "false"
            self._compare(table, where=where)
            write(
                self._connection,
                table,
                self.counts[table.name],
                {"business_date": "home.business_date"},
                f"LEFT JOIN {homes} home USING (source, interaction_id)",
            )
            if has_old:
                self._days |= {
                    day
                    for (day,) in self._run(
                        f"SELECT DISTINCT business_date FROM located SEMI JOIN {staged(table)} "
                        "USING (source, interaction_id)"
                    )
                }
        self._move_children(local)
        if schema.complaint in self._handed:
            self._compare(schema.complaint)
            write(self._connection, schema.complaint, self.counts["complaint"])
        self._write_agent_time()
        self._write_referrals()

    def _move_children(self, local: str) -> None:
        """Children follow an interaction that was corrected to another business date."""
        if not self.counts["interaction"].updated:
            return
        self._run(
            f"CREATE OR REPLACE TEMP TABLE moved_home AS SELECT n.source, n.interaction_id, n.business_date FROM "
            f"(SELECT source, interaction_id, {local}::DATE AS business_date FROM {staged(schema.interaction)}) n "
            f"JOIN {stored(schema.interaction)} o USING (source, interaction_id) "
            "WHERE n.business_date <> o.business_date"
        )
        if not self._run("SELECT count(*) FROM moved_home").scalar_one():
            return
        for table in _DATED_CHILDREN:
            self._run(
                f"UPDATE {table.name} SET business_date = m.business_date FROM moved_home m "
                f"WHERE m.source = {table.name}.source AND m.interaction_id = {table.name}.interaction_id"
            )

    def _write_agent_time(self) -> None:
        table = schema.agent_time
        if table not in self._handed:
            return
        self._compare(table)
        first, last = self._run(f"SELECT min(half_hour), max(half_hour) FROM {staged(table)}").one()
        if first is None:
            return
        local = wall_clock(self._zone, "s.half_hour", first, last)
        write(
            self._connection,
            table,
            self.counts[table.name],
            {
                "business_date": f"{local}::DATE",
                "business_half_hour": f"hour({local}) * 2 + minute({local}) // 30",
            },
        )
        self.changed_days |= {day for (day,) in self._run(f"SELECT DISTINCT {local}::DATE FROM {staged(table)} s")}

    def _write_referrals(self) -> None:
        """Referrals, new ones and those of customers whose tier changed."""
        table = schema.referral
        self._compare(table)
        run, counts = self._run, self.counts[table.name]
        touched = counts.loaded + counts.updated
        if self._had_facts and touched:
            # Whether an interaction has a referral: by its new ones, and by those that now hang on another.
            run("INSERT INTO suspect FROM located")
        if counts.updated:
            run(
                "INSERT INTO suspect SELECT i.source, i.interaction_id, i.business_date FROM interaction i "
                f"SEMI JOIN {stored(table)} USING (source, interaction_id)"
            )
        if self._had_facts:
            touched += self._upgrade_again()
        if not touched:
            return
        first, last = run(
            f"SELECT min(referred_at), max(coalesce(completed_at, referred_at)) FROM {staged(table)}"
        ).one()
        referred, completed = (
            f"{wall_clock(self._zone, f's.{name}', first, last)}::DATE" for name in ("referred_at", "completed_at")
        )
        write(
            self._connection,
            table,
            Counts(loaded=touched - counts.updated, updated=counts.updated),
            {"business_date": referred, "upgraded": "later.tier > earlier.tier"},
            f"LEFT JOIN customer_tier earlier ON earlier.customer_key = s.customer_key "
            f"AND {completed} >= earlier.valid_from AND {completed} < coalesce(earlier.valid_to, {_EVER}) "
            f"LEFT JOIN customer_tier later ON later.customer_key = s.customer_key "
            f"AND {completed} + 90 >= later.valid_from AND {completed} + 90 < coalesce(later.valid_to, {_EVER})",
        )
        self.changed_days |= {day for (day,) in run(f"SELECT DISTINCT {referred} FROM {staged(table)} s")}

    def _upgrade_again(self) -> int:
        """Put the stored referrals of customers whose tier changed to those to be written; gives their number."""
        run, table = self._run, schema.referral
        if not run("SELECT count(*) FROM person").scalar_one():
            return 0
        columns = listed(schema.source_columns(table))
        run(
            f"CREATE OR REPLACE TEMP TABLE referral_again AS SELECT t.* FROM referral t "
            f"SEMI JOIN person USING (customer_key) ANTI JOIN {staged(table)} USING (source, referral_id)"
        )
        again: int = run("SELECT count(*) FROM referral_again").scalar_one()
        if again:
            run(f"INSERT INTO {staged(table)} ({columns}) SELECT {columns} FROM referral_again")
            run(f"DELETE FROM referral t USING referral_again a WHERE {same_key(table, 't', 'a')}")
        return again

    # --- the calendar and the start of the data ---

    def _write_calendar(self) -> None:
        """A row for every date in use, and for those between the first and the last interaction."""
        used = set(self.changed_days)
        for table in self._handed:
            for column in table.columns:
                if isinstance(column.type, sa.Date) and table in (schema.complaint,):
                    used |= {
                        day for (day,) in self._run(f'SELECT DISTINCT "{column.name}" FROM {staged(table)}') if day
                    }
        known = set(self._connection.scalars(sa.select(schema.calendar.c.business_date)))
        if self._days:
            first = min(self._days)
            used |= {first + timedelta(days=number) for number in range((max(self._days) - first).days + 1)}
        missing = sorted(used - known)
        if missing:
            self._connection.execute(schema.calendar.insert(), calendar_rows(missing))

    def _record_data_start(self, start: datetime | None) -> None:
        if self._first is not None or self.counts["interaction"].updated:
            if start is not None and not self.counts["interaction"].updated:
                earliest = min(start, self._first)
            else:
                (earliest,) = self._run("SELECT min(started_at) FROM interaction").one()
            if earliest != start:
                write_facts(self._connection, {"data_start": earliest.isoformat()})


def _slices(counted: Iterable[sa.Row[*tuple[Any, ...]]]) -> list[tuple[date, date]]:
    """Stretches of days that hold about ``_ROWS_AT_ONCE`` rows each."""
    slices: list[tuple[date, date]] = []
    rows = 0
    for day, number in counted:
        if slices and rows + number <= _ROWS_AT_ONCE:
            slices[-1] = (slices[-1][0], day)
            rows += number
        else:
            slices.append((day, day))
            rows = number
    return slices


def _stretches(days: list[date]) -> list[tuple[date, date]]:
    """Days as stretches without a gap."""
    stretches: list[tuple[date, date]] = []
    for day in days:
        if stretches and day == stretches[-1][1] + timedelta(days=1):
            stretches[-1] = (stretches[-1][0], day)
        else:
            stretches.append((day, day))
    return stretches
