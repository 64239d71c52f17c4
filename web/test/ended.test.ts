import { describe, expect, it } from "vitest";
import { endWord, fellUnseen, isLost, lastSeenBy, launches, partedFromIt } from "../src/picture/ended";
import { madeFlight, madePlace, NOON_MS } from "./made";

const source = (nation: string, last_ms: number | null) =>
  ({ nation, radar: nation, own: false, plots: 1, first_ms: null, last_ms, sees_now: false });

describe("a flight that has ended", () => {
  it("fell, was lost from sight, or ended for another reason", () => {
    const ended = (because: string) => madeFlight(1, { status: "ended", ended_because: because });
    expect(["came down", "not seen", "no object there"].map((one) => endWord(ended(one)))).toEqual(["fell", "lost", "ended"]);
    expect(["came down", "not seen", "no object there"].map((one) => isLost(ended(one)))).toEqual([false, true, false]);
    expect(isLost(madeFlight(1))).toBe(false);
  });

  it("came down unseen where nobody saw it for long before", () => {
    const fell = (seen_ms: number) => fellUnseen(madeFlight(1, { impact: madePlace(NOON_MS), last_plot_ms: NOON_MS - seen_ms }));
    expect([5_000, 600_000].map(fell)).toEqual([false, true]);
    expect(fellUnseen(madeFlight(1, { impact: null }))).toBe(false);
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
