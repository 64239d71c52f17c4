import { describe, expect, it } from "vitest";
import type { Place } from "../src/api/contract";
import { byUrgency, countdown, SteadyOrder } from "../src/picture/urgency";
import { madeFlight, madePlace, NOON_MS } from "./made";

describe("the list of flights", () => {
  it("has the most urgent first, then the earlier impact, then the newer launch, ended ones last", () => {
    const flights = [
      madeFlight(1, { status: "ended", urgency: 3, last_plot_ms: NOON_MS - 9 }),
      madeFlight(2, { urgency: 2, impact: madePlace(NOON_MS + 900_000) }),
      madeFlight(3, { urgency: 2, impact: madePlace(NOON_MS + 300_000) }),
      madeFlight(4, { urgency: 2, impact: null, first_plot_ms: NOON_MS - 5 }),
      madeFlight(5, { urgency: 2, impact: null, first_plot_ms: NOON_MS - 2 }),
      madeFlight(6, { urgency: 3, impact: null }),
      madeFlight(7, { status: "ended", urgency: 0, last_plot_ms: NOON_MS - 1 }),
    ];
    expect(byUrgency(flights).map(({ id }) => id)).toEqual([6, 3, 2, 5, 4, 7, 1]);
    expect(byUrgency(flights.toReversed()).map(({ id }) => id)).toEqual([6, 3, 2, 5, 4, 7, 1]);
  });

  it("keeps places while estimates waver, and changes them when that is more than they are unsure of", () => {
    const order = new SteadyOrder();
    const ids = (picture: string, ...impacts: readonly (number | null)[]) =>
      order.of(picture, impacts.map((at_ms, i) => madeFlight(i + 1, { impact: at_ms === null ? null : madePlace(NOON_MS + at_ms) }))).map(({ id }) => id);
    expect(ids("shared", 300_000, 300_500)).toEqual([1, 2]);
    expect(ids("shared", 300_900, 300_500)).toEqual([1, 2]);
    // 95 % are 30 s before and 60 s after each: from 90 s on one surely comes down first.
    expect(ids("shared", 389_000, 300_000)).toEqual([1, 2]);
    expect(ids("shared", 391_000, 300_000)).toEqual([2, 1]);
    expect(ids("shared", 350_000, 300_000, 100_000, 900_000)).toEqual([3, 2, 1, 4]);
    expect(ids("shared", 350_000, null, 100_000, 900_000)).toEqual([3, 1, 4, 2]);
    // One goes before what it is surely down before, also past one that may be earlier or later.
    expect(ids("shared", 391_000, 900_000, 350_000, 300_000)).toEqual([3, 4, 1, 2]);
    // Another picture's numbers are of other tracks.
    expect(ids("national", 300_900, 300_500)).toEqual([2, 1]);
  });

  it("never has one after what it is surely down before, however estimates change", () => {
    const order = new SteadyOrder();
    let seed = 1;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let round = 0; round < 300; round += 1) {
      const flights = Array.from({ length: 12 }, (_, i) => madeFlight(i + 1, { urgency: random(2), impact: random(9) ? madePlace(NOON_MS + random(600_000)) : null }));
      const list = order.of("shared", flights);
      expect(list.map(({ id }) => id).sort((a, b) => a - b)).toEqual(flights.map(({ id }) => id));
      list.forEach((one, i) => {
        for (const before of list.slice(0, i)) {
          expect(before.urgency).toBeGreaterThanOrEqual(one.urgency);
          if (before.urgency === one.urgency && one.impact) expect(one.impact.until_ms).toBeGreaterThanOrEqual(before.impact?.from_ms ?? Infinity);
        }
      });
    }
  });

  it("puts the more urgent before all others at once, and what has ended after them", () => {
    const order = new SteadyOrder();
    const ids = (...flights: readonly Parameters<typeof madeFlight>[1][]) => order.of("shared", flights.map((one, i) => madeFlight(i + 1, one))).map(({ id }) => id);
    expect(ids({}, {}, {})).toEqual([1, 2, 3]);
    expect(ids({}, {}, { urgency: 3 })).toEqual([3, 1, 2]);
    expect(ids({ status: "ended" }, {}, { urgency: 3 })).toEqual([3, 2, 1]);
    expect(ids({}, {}, {})).toEqual([3, 2, 1]);
  });

  it("counts down with its interval, and up once it is past", () => {
    const of = (impact: Place | null, ...ends_ms: number[]) => ({ impact, bodies: ends_ms.map((time_ms) => ({ light: false, probability: 0.5, time_ms, from_ms: time_ms, until_ms: time_ms })) });
    expect(countdown(of(madePlace(NOON_MS + 60_000)), NOON_MS)).toEqual({ seconds: 60, earliest: 30, latest: 120 });
    expect(countdown(of(madePlace(NOON_MS)), NOON_MS + 1_000)!.seconds).toBe(-1);
    expect(countdown(of(null), NOON_MS)).toBeNull();
    // Of two ends the next counts: nothing is expected to fall between them.
    const two = of(madePlace(NOON_MS + 60_000), NOON_MS + 10_000, NOON_MS + 110_000);
    expect([0, 9, 11, 111].map((s) => countdown(two, NOON_MS + 1_000 * s)!.seconds)).toEqual([10, 1, 99, -1]);
  });
});
