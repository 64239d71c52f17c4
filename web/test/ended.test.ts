import { describe, expect, it } from "vitest";
import { endedUnseen, endWord, isLost, isStillDue, isPresumedDown, lastSeenBy, launches, partedFromIt } from "../src/picture/ended";
import { madeFlight, madePlace, NOON_MS } from "./made";

const source = (nation: string, last_ms: number | null) =>
  ({ nation, radar: nation, own: false, plots: 1, first_ms: null, last_ms, sees_now: false });

describe("a flight that has ended", () => {
  it("fell, was lost from sight, or ended for another reason", () => {
    const seen = { impact: madePlace(NOON_MS), last_plot_ms: NOON_MS - 5_000 };
    const ended = (because: string) => madeFlight(1, { status: "ended", ended_because: because, ...seen });
    expect(["came down", "not seen", "no object there"].map((one) => endWord(ended(one)))).toEqual(["fell", "lost", "ended"]);
    expect(["came down", "not seen", "no object there"].map((one) => isLost(ended(one)))).toEqual([false, true, false]);
    expect(isLost(madeFlight(1))).toBe(false);
  });

  it("is presumed down where it was followed to its fall and nobody saw it, whichever way its track ended", () => {
    const impact = madePlace(NOON_MS);
    const unseen = { status: "ended" as const, impact, last_plot_ms: NOON_MS - 600_000 };
    const end = (ended_because: string, as_of_ms: number) => madeFlight(1, { ...unseen, ended_because, as_of_ms });
    const ends = [end("came down", NOON_MS), end("not seen", impact.from_ms), end("not seen", impact.from_ms - 1)];
    expect(ends.map(endWord)).toEqual(["presumed_down", "presumed_down", "lost"]);
    expect(ends.map(endedUnseen)).toEqual([true, true, true]);
    expect(isPresumedDown({ ...end("came down", NOON_MS), last_plot_ms: NOON_MS - 5_000 })).toBe(false);
    expect(isPresumedDown({ ...end("not seen", NOON_MS), impact: null })).toBe(false);
    // Ended with the earlier of two ends: until the last time it may still come down.
    expect([impact.until_ms - 1, impact.until_ms].map((now_ms) => isStillDue(ends[0]!, now_ms))).toEqual([true, false]);
    expect(isStillDue(ends[2]!, NOON_MS)).toBe(false);
  });

  it("was last seen by the nation whose radar saw it last; where that was not noted, by all", () => {
    const sources = [source("JPN", NOON_MS), source("USA", NOON_MS + 1), source("KOR", null)];
    expect(lastSeenBy(madeFlight(1, { sources }))).toBe("USA");
    expect(lastSeenBy(madeFlight(1, { sources: [source("KOR", null)], nations: ["JPN", "KOR"] }))).toBe("JPN, KOR");
  });
});

describe("flights of one launch", () => {
  const flights = [madeFlight(1), madeFlight(3, { parted_from: 1 }), madeFlight(2, { parted_from: 1 }), madeFlight(9, { parted_from: 7 })];

  it("are told by what they parted from", () => {
    expect(partedFromIt({ id: 1 }, flights)).toEqual([2, 3]);
    expect(partedFromIt({ id: 2 }, flights)).toEqual([]);
  });

  it("count once; what parted from a flight that is no longer there counts", () => {
    expect(launches(flights)).toBe(2);
    expect(launches([])).toBe(0);
  });
});
