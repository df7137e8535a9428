#!/usr/bin/env python3
"""How many servers (cells) so many calls need, and how many tenants move a month. A simulation; no dependency.

capacity.py [--calls-per-month 1000000000] [--tenants 10000] [--months 12] [--growth 0.05] [--skew 1.1] [--turns 10] [--tool-calls 2]
            [--kept-months 13] [--cell-calls-per-second 300] [--cell-disk-gb 4000] [--busy-hour 3] [--fill 0.7] [--seed 1]

Sizes of tenants follow Zipf's law with exponent skew: the tenant of rank r has a share in proportion to 1 / r ** skew. Each month
every tenant grows by growth, times a random factor of its own from 0 to 2; new tenants replace none. A tenant lives on one cell.
At first tenants are put, the largest first, on the cell with the most room. Each month, as long as a cell is above its limit
(calls a second in the busy hour, or bytes of the calls that are kept), the largest tenant that fits elsewhere moves from it to the
cell with the most room; where none fits, a cell is added. A tenant larger than a cell is said: it cannot be helped by moving.

Bytes a call are those of docs/operations.md: 500 + 650 + 150 + 265 a turn + 314 a tool call + 126 a turn. busy-hour: calls a second in the
busy hour over the mean of the month. cell-calls-per-second: what a server takes with its analyses (docs/performance.md); fill: how much of
both limits is used.
"""
import argparse
import random

SECONDS_A_MONTH = 30 * 86400


def bytes_a_call(turns, tool_calls):
    """Bytes of a call with its indexes."""
    return 500 + 650 + 150 + 265 * turns + 314 * tool_calls + 1258 * turns / 10


def sizes(tenants, calls, skew):
    """Calls a month of each tenant, the largest first; their sum is calls."""
    shares = [1 / rank**skew for rank in range(1, tenants + 1)]
    total = sum(shares)
    return [calls * share / total for share in shares]


class Cell:
    """Tenants (their numbers) on one server, and the sums of what they load it with."""

    def __init__(self):
        self.tenants = set()

    def load(self, demand):
        """The larger of its two loads, as a share of the limits."""
        return max(sum(demand[t][0] for t in self.tenants), sum(demand[t][1] for t in self.tenants))


def simulate(options):
    """Rows (month, calls, cells, moves, bytes moved, bytes in all, tenants too large for a cell)."""
    rng = random.Random(options.seed)
    calls = sizes(options.tenants, options.calls_per_month, options.skew)
    history = [[c] * options.kept_months for c in calls]
    per_call = bytes_a_call(options.turns, options.tool_calls)
    most_calls = options.cell_calls_per_second * options.fill
    most_bytes = options.cell_disk_gb * 1e9 * options.fill
    cells = [Cell()]
    for month in range(1, options.months + 1):
        if month > 1:
            calls = [c * (1 + options.growth * rng.uniform(0, 2)) for c in calls]
            for kept, now in zip(history, calls):
                kept.append(now)
                del kept[0]
        stored = [sum(kept) * per_call for kept in history]
        demand = [(c / SECONDS_A_MONTH * options.busy_hour / most_calls, s / most_bytes) for c, s in zip(calls, stored)]
        # Sums beside the sets: 10,000 tenants are looked at often.
        loads = [[sum(demand[t][k] for t in cell.tenants) for k in (0, 1)] for cell in cells]

        def room(number):
            return 1 - max(loads[number])

        def put(tenant, number):
            cells[number].tenants.add(tenant)
            for k in (0, 1):
                loads[number][k] += demand[tenant][k]

        def add():
            cells.append(Cell())
            loads.append([0.0, 0.0])
            return len(cells) - 1

        moves, moved = 0, 0.0
        if month == 1:
            for tenant in range(options.tenants):
                best = max(range(len(cells)), key=room)
                if max(demand[tenant]) > room(best) and cells[best].tenants:
                    best = add()
                put(tenant, best)
        else:
            number = 0
            while number < len(cells):
                while room(number) < 0 and len(cells[number].tenants) > 1:
                    best = max((n for n in range(len(cells)) if n != number), key=room, default=None)
                    fits = [t for t in cells[number].tenants if best is not None and max(demand[t]) <= room(best)]
                    if not fits:
                        best = add()
                        fits = [t for t in cells[number].tenants if max(demand[t]) <= 1] or list(cells[number].tenants)
                    # The smallest that is enough, or the largest there is.
                    fits.sort(key=lambda t: max(demand[t]))
                    over = -room(number)
                    tenant = next((t for t in fits if max(demand[t]) >= over), fits[-1])
                    cells[number].tenants.remove(tenant)
                    for k in (0, 1):
                        loads[number][k] -= demand[tenant][k]
                    put(tenant, best)
                    moves += 1
                    moved += stored[tenant]
                number += 1
        too_large = sum(1 for d in demand if max(d) > 1)
        yield month, sum(calls), len(cells), moves, moved, sum(stored), too_large


def main():
    """Prints a table, a row a month."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind, default in [("calls-per-month", float, 1e9), ("tenants", int, 10000), ("months", int, 12), ("growth", float, 0.05),
                                ("skew", float, 1.1), ("turns", float, 10), ("tool-calls", float, 2), ("kept-months", int, 13),
                                ("cell-calls-per-second", float, 300), ("cell-disk-gb", float, 4000), ("busy-hour", float, 3),
                                ("fill", float, 0.7), ("seed", int, 1)]:
        parser.add_argument("--" + name, type=kind, default=default)
    options = parser.parse_args()
    if options.tenants < 1 or options.months < 1 or options.calls_per_month <= 0 or not 0 < options.fill <= 1:
        parser.error("tenants and months are at least 1, calls more than 0, fill from 0 to 1")
    print("| month | calls | calls/s in the busy hour | cells | disk TB, all cells | moves | GB moved | tenants larger than a cell |")
    print("|---|---|---|---|---|---|---|---|")
    for month, calls, cells, moves, moved, stored, too_large in simulate(options):
        rate = calls / SECONDS_A_MONTH * options.busy_hour
        print(f"| {month} | {calls:,.0f} | {rate:,.0f} | {cells} | {stored / 1e12:.1f} | {moves} | {moved / 1e9:,.0f} | {too_large} |")


if __name__ == "__main__":
    main()
