#!/usr/bin/env python3
"""Asks a Prometheus that reads a node all that the dashboard and the alerts ask.

    queries.py ADDRESS --scraped                whether it holds the node's samples and has evaluated the alerts
    queries.py ADDRESS --dashboard FILE         every query of the dashboard and every alert it was given

A query must have an answer with a number in it, unless QUIET says why a healthy young node has none. An alert must be computable
from what the node tells, whatever it compares, and must not be firing.
"""

import json
import math
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# Panel and query by its letter, or alert: why nothing is there yet.
QUIET = {
    "HushwireOverloaded": "no caller was sent away, and a code is told from its first call on",
}
# Seconds to wait for what comes with the next scrapes.
PATIENCE_S = 60
SCRAPED_EVERY_S = 1


class Refused(Exception):
    """The server's own words."""


class Prometheus:
    def __init__(self, address: str):
        self.address = address

    def ask(self, path: str, **parameters):
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error).get("error", str(error))) from None

    def series(self, query: str) -> list:
        """Over the minutes before now, a second apart, as a panel asks; only those with a number."""
        now = time.time()
        found = self.ask("query_range", query=query, start=now - 300, end=now, step=1)["result"]
        return [one for one in found if any(not math.isnan(float(value)) for _, value in one["values"])]

    def alerts(self) -> list:
        return [rule for group in self.ask("rules", type="alert")["groups"] for rule in group["rules"]]


def escaped(value: str) -> str:
    """As Grafana puts a value into a pattern that stands in quotes."""
    return re.sub(r"[\\^$*+?.()|\[\]{}]", lambda found: "\\\\" + found[0], value)


class Variables:
    """What Grafana puts in the place of the dashboard's variables where All is chosen."""

    def __init__(self, prometheus: Prometheus, dashboard: dict):
        # Four scrapes, or as much as there is between two points of a panel.
        self.values = {"__rate_interval": f"{4 * SCRAPED_EVERY_S}s"}
        for variable in dashboard["templating"]["list"]:
            if variable["type"] != "query":
                continue
            wanted = re.fullmatch(r"label_values\((.*), *(\w+)\)", variable["query"])
            if wanted is None:
                raise Refused(f"variable {variable['name']}: no query of label values: {variable['query']}")
            selector, label = self.filled(wanted[1]), wanted[2]
            values = prometheus.ask(f"label/{label}/values", **{"match[]": selector})
            if not values:
                raise Refused(f"variable {variable['name']} has no values: {variable['query']}")
            one = len(values) == 1
            self.values[variable["name"]] = escaped(values[0]) if one else f"({'|'.join(map(escaped, values))})"

    def filled(self, query: str) -> str:
        def value(found) -> str:
            if found[1] not in self.values:
                raise Refused(f"the dashboard has no variable ${found[1]}: {query}")
            return self.values[found[1]]

        return re.sub(r"\$(\w+)", value, query)


def panel_fault(prometheus: Prometheus, variables: Variables, panel: dict, target: dict):
    """None where it shows what it should."""
    query = variables.filled(target["expr"])
    found = prometheus.series(query)
    quiet = (panel["title"], target["refId"]) in QUIET
    if quiet and found:
        return f"is listed as quiet and is not: take it off the list\n    {query}"
    if not quiet and not found:
        return f"shows nothing\n    {query}"
    for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
        if found and not any(label in one["metric"] for one in found):
            return f"has a legend with {label}, which no series has: {sorted(found[0]['metric'])}\n    {query}"
    return None


def alert_fault(prometheus: Prometheus, alert: dict):
    """None where it can be computed, and does not fire."""
    if alert["health"] != "ok":
        return f"is not computed: {alert['health']}, {alert.get('lastError', 'not yet evaluated')}"
    if alert["state"] == "firing":
        return f"fires on a healthy node: {alert['alerts']}"
    # Compared to a truth value instead of filtered: what has no series now would have none on the day it is needed.
    computed, comparisons = re.subn(r"\s(==|!=|<=|>=|<|>)\s", r" \1 bool ", alert["query"])
    if comparisons == 0:
        return f"compares nothing: {alert['query']}"
    found = prometheus.series(computed)
    if alert["name"] in QUIET:
        return f"is listed as quiet and is not: take it off the list\n    {computed}" if found else None
    return None if found else f"has nothing to compare\n    {computed}"


def faults(prometheus: Prometheus, dashboard: dict, alerts: list) -> list:
    """Of all queries and alerts, as things stand now."""
    found = []

    def check(name: str, query: str, fault, *arguments):
        try:
            said = fault(prometheus, *arguments)
        except Refused as refused:
            said = f"is refused: {refused}\n    {query}"
        if said:
            found.append(f"{name} {said}")

    variables = Variables(prometheus, dashboard)
    for panel, target in queries(dashboard):
        check(f"panel {panel['title']!r}, query {target['refId']},", target["expr"], panel_fault, variables, panel, target)
    for alert in alerts:
        check(f"alert {alert['name']}", alert["query"], alert_fault, alert)
    return found


def queries(dashboard: dict) -> list:
    return [(panel, target) for panel in dashboard["panels"] for target in panel.get("targets", [])]


def ask_all(prometheus: Prometheus, dashboard: dict) -> int:
    asked = queries(dashboard)
    named = {(panel["title"], target["refId"]) for panel, target in asked} | {alert["name"] for alert in prometheus.alerts()}
    unknown = sorted(map(str, QUIET.keys() - named))
    until = time.monotonic() + PATIENCE_S
    while True:
        alerts = prometheus.alerts()
        left = faults(prometheus, dashboard, alerts) + [f"{name} is listed as quiet and is not there" for name in unknown]
        # A run that asked nothing would be green too.
        if not asked or not alerts:
            left.append(f"there are {len(asked)} queries and {len(alerts)} alerts")
        if not left or time.monotonic() > until:
            break
        time.sleep(1)
    for fault in left:
        print(fault, file=sys.stderr)
    if left:
        return 1
    print(f"asked of Prometheus: {len(asked)} queries of the dashboard and {len(alerts)} alerts, {len(QUIET)} of them rightly quiet")
    return 0


def main() -> int:
    prometheus = Prometheus(sys.argv[1])
    match sys.argv[2:]:
        case ["--scraped"]:
            return 0 if prometheus.ask("query", query="hushwire_seen_timestamp_seconds")["result"] else 1
        case ["--dashboard", file]:
            with open(file, encoding="utf-8") as dashboard:
                return ask_all(prometheus, json.load(dashboard))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
