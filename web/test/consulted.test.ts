import { describe, expect, it } from "vitest";
import type { Apart, EventText, SharedEvent, StatedFlight } from "../src/api/contract";
import { apart, confirms, forMe, nationsOf, sharedIdOf, sideBySide, waitsFor } from "../src/picture/consulted";

const AT = "2026-11-22T12:00:00Z";
const flight = (id: number): StatedFlight => ({
  flight: id, shared_id: null, as_of: AT, kind: "ballistic", range_class: null, launch: null, apogee: null, ground_range_km: null, impact: null,
});
const held = (one: number, other: number): Apart => ({
  flights: [one, other], kind_differs: false, range_km: null, range_differs: false, apogee_km: null, apogee_differs: false,
  launch_km: null, launch_differs: false, launch_time_s: null, launch_time_differs: false, impact_km: 78, impact_differs: true, impact_time_s: null, impact_time_differs: false,
});
const event = (change: Partial<SharedEvent>): SharedEvent => ({
  event: "KOR-1", names: ["KOR-1"], began: AT, latest: AT, told: {}, count: {}, acknowledged: [], agreed: null, waiting: [],
  comments: [], texts: [], alone: true, assessments: {}, differences: [], ...change,
});

describe("an event of three nations", () => {
  // Korea counts two; its second is the flight that the United States have as 7; ours is Korea's first.
  const three = event({
    assessments: { JPN: [flight(4)], KOR: [flight(1), flight(2)], USA: [flight(7), { warning: 9, as_of: AT, from: AT, until: AT, area: null }] },
    differences: [
      { between: ["JPN", "KOR"], count: [1, 2], count_differs: true, flights: [held(4, 1)] },
      { between: ["JPN", "USA"], count: [1, 2], count_differs: true, flights: [] },
      { between: ["KOR", "USA"], count: [2, 2], count_differs: false, flights: [held(2, 7)] },
    ],
  });

  it("has our own nation first", () => {
    expect(nationsOf(three, "KOR")).toEqual(["KOR", "JPN", "USA"]);
    expect(nationsOf(three, "AUS")).toEqual(["JPN", "KOR", "USA"]);
  });

  it.each(["JPN", "KOR", "USA"])("has each flight once, whoever looks at it: %s", (own) => {
    const rows = sideBySide(three, nationsOf(three, own));
    const told = rows.map((row) => [...row].map(([nation, one]) => `${nation} ${"flight" in one ? one.flight : "area"}`).sort().join(", "));
    expect(told.sort()).toEqual(["JPN 4, KOR 1", "KOR 2, USA 7", "USA area"]);
  });

  it("calls a flight as all together do, where any nation's statement is of one there", () => {
    const named = (id: number, shared_id: number | null): StatedFlight => ({ ...flight(id), shared_id });
    expect(sharedIdOf(new Map([["JPN", named(1, null)], ["KOR", named(5, 2)]]))).toBe(2);
    expect(sharedIdOf(new Map([["JPN", named(1, null)]]))).toBeNull();
    expect(sharedIdOf(new Map([["USA", { warning: 9, as_of: AT, from: AT, until: AT, area: null }]]))).toBeNull();
  });

  it("says how far two are apart in either direction, and nothing where one does not count it", () => {
    const [first] = sideBySide(three, ["JPN", "KOR", "USA"]);
    expect(apart(three, first!, "KOR", "JPN")).toEqual(held(4, 1));
    expect(apart(three, first!, "JPN", "KOR")).toEqual(held(4, 1));
    expect(apart(three, first!, "JPN", "USA")).toBeUndefined();
  });
});

describe("a text", () => {
  const text: EventText = {
    hash: "ab", text: "Two.", proposed: { nation: "JPN", by: "Sato", at: AT }, nations: ["JPN", "KOR"], confirmed: [], agreed: null,
  };

  it("is confirmed for its own nation by another person, once, and by none that is not asked", () => {
    expect(confirms(text, "JPN", "Sato")).toBe("another");
    expect(confirms(text, "JPN", "Ito")).toBe("may");
    expect(confirms(text, "KOR", "Sato")).toBe("may");
    expect(confirms(text, "USA", "Smith")).toBe("no");
    const done = { ...text, confirmed: [{ nation: "JPN", by: "Ito", at: AT }] };
    expect(confirms(done, "JPN", "Abe")).toBe("no");
    expect(waitsFor(done)).toEqual(["KOR"]);
  });
});

it("a text waits for whom it names and who did not propose it, once however many events tell of it", () => {
  const waits = (hash: string, nation: string, by: string, nations: string[]) => ({ hash, proposed: { nation, by, at: AT }, nations });
  const events = [
    event({ waiting: [waits("a", "JPN", "Sato", ["JPN", "KOR"]), waits("b", "KOR", "Han", ["JPN"]), waits("c", "KOR", "Han", ["USA"])] }),
    event({ waiting: [waits("b", "KOR", "Han", ["JPN"])] }),
  ];
  expect(forMe(events, "JPN", "Sato")).toEqual(["b"]);
  expect(forMe(events, "JPN", "Ito")).toEqual(["a", "b"]);
  expect(forMe(events, "USA", "Lee")).toEqual(["c"]);
});
