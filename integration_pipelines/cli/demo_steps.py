"""The steps of the demo. Everything goes through the doors that a customer uses: use cases, Dagster runs, the partners' HTTP."""

import shutil
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from integration_pipelines.cli.dagster_run import dagster_instance, run_chain
from integration_pipelines.cli.demo_live import LATE, Live, Stage, escalation_arrives, subscription_arrives
from integration_pipelines.cli.doctor import make_key
from integration_pipelines.cli.syncing import outcome_of
from integration_pipelines.cli.tables import print_rows
from integration_pipelines.core.tables import PLANNED_WRITES
from integration_pipelines.errors import ConfigError
from integration_pipelines.ports.bundle import Ports
from integration_pipelines.ports.evidence import Run
from integration_pipelines.sandbox.server import running_sandbox
from integration_pipelines.sandbox.world import World
from integration_pipelines.settings import Settings
from integration_pipelines.use_cases.approve import approve_nothing, approve_plan
from integration_pipelines.use_cases.onboard import add_tenant, connect_tenant, install_integration
from integration_pipelines.use_cases.packs import install_pack
from integration_pipelines.use_cases.switch import switch_writes
from integration_pipelines.wiring import open_ports, packaged_packs

INTEGRATION, SUPPORT, PACK = "crm_billing", "support_incidents", "support_escalation"
TICKETS, SERVICE, CHANNEL = 20, "Support escalations", "#support-escalations"
MARK = "Demo "
SEARCH_LAG = 1.0
OWN_FOLDERS = ("store", "lake", "landing", "dagster", "tmp")


class Demo:
    """One demonstration; `with Demo(...) as demo` starts and stops the sandbox."""

    def __init__(self, settings: Settings, *, tenants: int, customers: int, seed: int, out: Console) -> None:
        self._settings = settings
        self._size = (tenants, customers, seed)
        self._out = out
        self._stack = ExitStack()
        self._runs: dict[str, Run] = {}
        self._good = True

    def __enter__(self) -> Self:
        tenants, customers, seed = self._size
        self._start_afresh()
        make_key(self._settings)
        with self._step(f"Seed the sandbox: {tenants} tenants of {customers} customers"):
            world = World(
                tenants=tenants, customers=customers, seed=seed, now=time.time(), search_lag=SEARCH_LAG, tickets=TICKETS
            )
        self._url = self._stack.enter_context(running_sandbox(world))
        self._http = self._stack.enter_context(httpx.Client(base_url=self._url, trust_env=False, timeout=30))
        self._ports: Ports = self._stack.enter_context(open_ports(self._settings))
        self._instance = self._stack.enter_context(dagster_instance(self._settings))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def connect(self) -> None:
        """Add the sandbox's tenants, connect both partners, install the integration and turn writes on."""
        accounts: list[dict[str, str]] = self._http.get("/_control/accounts").json()
        self._tenants: dict[str, str] = {}
        with self._step("Connect the tenants; tokens are encrypted before they are stored"):
            for name in sorted({a["tenant"] for a in accounts}):
                tenant = add_tenant(MARK + name, actor="demo", ports=self._ports)
                self._tenants[name] = tenant.tenant_id
                install_integration(tenant.tenant_id, INTEGRATION, actor="demo", ports=self._ports)
                for account in accounts:
                    if account["tenant"] == name:
                        url = account["base_url"]
                        connect_tenant(
                            tenant.tenant_id,
                            account["partner"],
                            token=account["token"],
                            base_url=url,
                            actor="demo",
                            ports=self._ports,
                        )
                switch_writes(tenant.tenant_id, INTEGRATION, enabled=True, actor="demo", ports=self._ports)
        self._accounts = {(a["tenant"], a["partner"]): a["account"] for a in accounts}

    def first_plans(self) -> None:
        """The first plan of every tenant is shown and waits."""
        self._run_all("First run: read, judge, link, merge and plan. Nothing is written", mode="apply", full=True)
        rows = []
        for name, tenant_id in self._tenants.items():
            plan = self._ports.plans.open(tenant_id, INTEGRATION)
            numbers = plan.numbers if plan else {}
            state = f"{plan.state}: {plan.reason}" if plan else "nothing to write"
            rows.append({"tenant": name, "plan": plan.plan_id if plan else "-", **numbers, "state": state})
        headings = {
            "tenant": "tenant",
            "records": "records",
            "updates": "fields",
            "blankings": "blanked",
            "calls_forecast": "calls (forecast)",
        }
        print_rows(rows, {**headings, "state": "state"}, title="The first plans wait for a person")
        self._sample()

    def _sample(self) -> None:
        """A few of the writes, as `plans show` prints them all."""
        name, tenant_id = next(iter(self._tenants.items()))
        plan = self._ports.plans.open(tenant_id, INTEGRATION)
        if plan is None:
            return
        writes = self._ports.lake.read([plan.file], PLANNED_WRITES).to_pylist()
        shown = [next(w for w in writes if w["target"] == target) for target in sorted({w["target"] for w in writes})]
        rows = [
            {**w, **c, "before": c["before"] or "(blank)", "after": c["after"] or "(blank)"} for w in shown for c in w["changes"]
        ]
        headings = {"target": "object", "record_label": "record", "field": "field", "before": "now", "after": "would become"}
        print_rows(rows, headings, title=f"{name}: two of its records, as `plans show` prints them all")

    def approve_and_apply(self) -> None:
        """Approve what was shown, then apply it through Dagster."""
        for name, tenant_id in self._tenants.items():
            plan = self._ports.plans.open(tenant_id, INTEGRATION)
            if plan is not None:
                approve_plan(tenant_id, plan.plan_id, actor="demo", ports=self._ports)
                self._out.print(f"  approved for {name}: {plan.plan_id}, hash {plan.plan_hash[:12]}", markup=False)
        self._run_all("Second run: write what was approved, read it again, prove it", mode="apply", full=False)

    def evidence(self) -> None:
        """Diffs, balance and certificate per tenant."""
        for name, tenant_id in self._tenants.items():
            table = self._ports.diffs.load([tenant_id], INTEGRATION)
            rows = sorted(table.to_pylist(), key=lambda r: (r["field"] == "*", r["field"], r["record_label"]))
            open_rows = [{**r, "field": r["field"].replace("*", "whole record")} for r in rows if r["resolved_at"] is None]
            columns = {
                "field": "field",
                "record_label": "record",
                "left_value": "crm",
                "right_value": "billing",
                "status": "status",
            }
            one_each = {r["reason"]: r for r in reversed(open_rows)}
            print_rows(
                list(one_each.values())[::-1][:6],
                {**columns, "reason": "reason"},
                title=f"{name}: {table.num_rows:,} diffs found, {len(open_rows):,} of them for people; one of each kind:",
            )
        self._balance()

    def _balance(self) -> None:
        rows = []
        for name, tenant_id in self._tenants.items():
            run = self._runs[tenant_id]
            counts = {k.removeprefix("records_"): v for k, v in run.counts.items() if k.startswith("records_")}
            rows.append(
                {
                    "tenant": name,
                    **counts,
                    "balanced": run.balanced,
                    "certified": run.certified,
                    "calls": run.counts.get("calls", 0),
                }
            )
        outcomes = ("written", "in_sync", "held", "ambiguous", "quarantined", "unmatched", "excluded", "failed", "unknown")
        shown = {o: o.replace("_", " ") for o in outcomes if any(o in r for r in rows)}
        headings = {"tenant": "tenant", **shown, "balanced": "balanced", "certified": "certified", "calls": "calls"}
        print_rows(rows, headings, title="Balance: every source record has exactly one outcome")

    def changes_arrive(self) -> None:
        """Change a subscription and an owner as a person would, sync, and show both on the other side."""
        name, tenant_id = next(iter(self._tenants.items()))
        link = self._plain_link(name, tenant_id)
        edits = self._edit(name, link)
        time.sleep(SEARCH_LAG + 0.2)  # HubSpot's search index follows its records late
        began = time.monotonic()
        self._run_all(f"Change a subscription and an owner of {name}; sync again", mode="apply", full=False, only=(name,))
        rows = [{**edit, "arrived": self._arrived(name, link, edit["field"], edit["expected"])} for edit in edits]
        columns = {"what": "changed by a person", "field": "field", "expected": "value", "arrived": "arrived on the other side"}
        print_rows(rows, columns, title=f"{time.monotonic() - began:.1f} s from sync to both sides")
        self._good = self._good and all(r["arrived"] for r in rows)

    def _plain_link(self, name: str, tenant_id: str) -> dict[str, str]:
        """A company with one customer, an active subscription and an owner."""
        links = [r for r in self._ports.links.load([tenant_id], INTEGRATION).to_pylist() if r["state"] == "live"]
        single = {r["left_id"]: r["right_id"] for r in links if sum(x["left_id"] == r["left_id"] for x in links) == 1}
        subscriptions = self._state(name, "stripe", "subscriptions")
        companies = {c["id"]: c for c in self._state(name, "hubspot", "companies")}
        for company_id, customer_id in sorted(single.items()):
            mine = [s for s in subscriptions if s["customer"] == customer_id]
            owner = _property(companies.get(company_id, {}), "hubspot_owner_id")
            if len(mine) == 1 and mine[0]["status"] == "active" and not mine[0].get("cancel_at_period_end") and owner:
                return {"company": company_id, "customer": customer_id, "subscription": mine[0]["id"], "owner": owner}
        raise ConfigError("The seed has no plain customer to show a change on.", remedy="Use more customers or another seed.")

    def _edit(self, name: str, link: dict[str, str]) -> list[dict[str, str]]:
        owners = [o for o in self._state(name, "hubspot", "owners") if not o["archived"] and o["id"] != link["owner"]]
        self._control(name, "stripe", "subscriptions", link["subscription"], {"status": "past_due"})
        self._control(name, "hubspot", "companies", link["company"], {"hubspot_owner_id": owners[0]["id"]})
        return [
            {"what": "billing: subscription is past due", "field": "billing_subscription_status", "expected": "past_due"},
            {"what": "CRM: the account has a new owner", "field": "crm_owner_id", "expected": owners[0]["id"]},
        ]

    def _arrived(self, name: str, link: dict[str, str], field: str, expected: str) -> bool:
        if field == "crm_owner_id":
            customer = next(c for c in self._state(name, "stripe", "customers") if c["id"] == link["customer"])
            return bool(customer["metadata"].get(field) == expected)
        company = next(c for c in self._state(name, "hubspot", "companies") if c["id"] == link["company"])
        return _property(company, field) == expected

    def _control(self, name: str, partner: str, kind: str, record: str, fields: dict[str, str]) -> None:
        body = {"partner": partner, "account": self._accounts[name, partner], "object": kind, "id": record, "fields": fields}
        self._http.post("/_control/edit", json=body).raise_for_status()

    def _state(self, name: str, partner: str, kind: str) -> list[dict[str, Any]]:
        query = {"tenant": name, "partner": partner, "object": kind}
        return _records(self._http.get("/_control/state", params=query).raise_for_status().json(), kind)

    def verdict(self) -> bool:
        """Whether every tenant balanced and certified in its last run, and everything arrived."""
        proved = all(r.balanced and r.certified for r in self._runs.values())
        self._out.print(
            "Every tenant balances and certifies." if proved else "Not every tenant balances and certifies; see above."
        )
        return proved and self._good

    def events_arrive(self, ui_port: int | None) -> None:
        """Change a subscription and escalate a ticket; webhooks, receiver, sensor and daemon do the rest. Prints how long each took."""
        name, tenant_id = next(iter(self._tenants.items()))
        with self._step(f"Install the Support Escalation Pack for {name}: its first plan has nothing to write, and is approved"):
            self._go_live(tenant_id)
        accounts = {partner: account for (tenant, partner), account in self._accounts.items() if tenant == name}
        stage = Stage(self._settings, self._ports, self._http, tenant_id, accounts)
        with self._step("Start the receiver, and Dagster with its daemon; have the partners send their webhooks"):
            self._live = self._stack.enter_context(Live(stage, ui_port))
        link = self._plain_link(name, tenant_id)
        with self._step("Change a subscription, then escalate a ticket; nobody starts anything"):
            rows = [subscription_arrives(stage, link["subscription"], link["company"]), escalation_arrives(stage)]
        columns = {"what": "changed by a person", "where": "shown by", "shown": "as", "took": "after"}
        print_rows(rows, columns, title="From one product to the other: webhook, receiver, inbox, Dagster run, write")
        self._good = self._good and all(row["took"] != LATE for row in rows)

    def _go_live(self, tenant_id: str) -> None:
        contract = self._ports.contracts[SUPPORT]
        given = {"service": [SERVICE], "channel": [CHANNEL]}
        install_pack(tenant_id, packaged_packs()[PACK], given, actor="demo", ports=self._ports)
        switch_writes(tenant_id, SUPPORT, enabled=True, actor="demo", ports=self._ports)
        run_chain(self._instance, contract, [tenant_id], mode="apply", full=True)
        approve_nothing(tenant_id, contract, actor="demo", ports=self._ports)
        run_chain(self._instance, contract, [tenant_id], mode="apply", full=True)

    def keep_serving(self) -> None:
        """Keep the sandbox, the receiver and Dagster's UI up until Ctrl-C."""
        self._out.print(f"Dagster's UI: {self._live.dagster_url}/asset-groups", markup=False)
        self._out.print(f"Sandbox: {self._url}/_control/accounts. Ctrl-C ends all.", markup=False)
        try:
            self._live.dagster.wait()
        except KeyboardInterrupt:
            self._out.print("Stopping.")

    def _run_all(self, text: str, *, mode: str, full: bool, only: tuple[str, ...] = ()) -> None:
        contract = self._ports.contracts[INTEGRATION]
        chosen = {n: t for n, t in self._tenants.items() if not only or n in only}

        with self._progress() as bar:
            task = bar.add_task(text, total=len(chosen))
            run_id = run_chain(self._instance, contract, list(chosen.values()), mode=mode, full=full)
            for tenant_id in chosen.values():
                run = outcome_of(self._ports, tenant_id, INTEGRATION, run_id)[0]
                self._runs[tenant_id] = run
                bar.advance(task)
                if run.error_text:
                    self._good = False
                    self._out.print(f"  {tenant_id} failed: {run.error_text}", markup=False)

    def _progress(self) -> Progress:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
        )
        return Progress(*columns, console=self._out)

    def _step(self, text: str) -> Any:  # noqa: ANN401 - rich's status is a context manager
        self._out.print(text, markup=False)
        return self._out.status(text)

    def _start_afresh(self) -> None:
        """Remove what an earlier demo left; refuse to touch anything else."""
        data = self._settings.data
        if (data / "store" / "integration_pipelines.db").exists() or self._settings.database_url:
            with open_ports(self._settings) as opened:
                foreign = [t.name for t in opened.tenants.all() if not t.name.startswith(MARK)]
            if foreign:
                raise ConfigError(
                    f"This store has {len(foreign)} tenants that are not the demo's; the demo will not touch it.",
                    remedy="Set INTEGRATION_PIPELINES_HOME to a fresh checkout.",
                )
        for folder in OWN_FOLDERS:
            shutil.rmtree(data / folder, ignore_errors=True)


def _property(company: dict[str, Any], name: str) -> str:
    value = company.get("properties", {}).get(name)
    return str(value.get("value") if isinstance(value, dict) else value or "")


def _records(answer: Any, kind: str) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON
    """The records of one object out of a control answer."""
    found: list[dict[str, Any]] = []
    for account in answer if isinstance(answer, list) else [answer]:
        found += account.get("state", account).get(kind, [])
    return found
