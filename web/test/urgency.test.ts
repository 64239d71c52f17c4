import { describe, expect, it } from "vitest";
import { byUrgency, countdown } from "../src/picture/urgency";
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

  it("counts down with its interval, and up once it is past", () => {
    expect(countdown(madePlace(NOON_MS + 60_000), NOON_MS)).toEqual({ seconds: 60, earliest: 30, latest: 120 });
    expect(countdown(madePlace(NOON_MS), NOON_MS + 1_000)!.seconds).toBe(-1);
    expect(countdown(null, NOON_MS)).toBeNull();
  });
});
