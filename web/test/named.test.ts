import { describe, expect, it } from "vitest";
import { nameIn, nameOf, sharedAs } from "../src/picture/named";
import { madeFlight, NOON_MS } from "./made";

describe("what a flight is called", () => {
  it("is its number in all together, whatever the picture calls it", () => {
    expect(nameOf(madeFlight(1, { shared_id: 2 }))).toBe("2");
    expect(nameOf(madeFlight(-1, { shared_id: 2 }))).toBe("2");
  });

  it("is never a number of all together where none there is the same", () => {
    expect(nameOf(madeFlight(1, { shared_id: null, nations: ["KOR"] }))).toBe("KOR 1");
    expect(nameOf(madeFlight(-1, { shared_id: null, nations: ["KOR"] }))).toBe("KOR −1");
  });

  it("is the same where another names it by its number in the picture", () => {
    const part = madeFlight(2, { shared_id: 1, parted_from: 1 });
    const flights = new Map([[1, madeFlight(1, { shared_id: 2 })], [2, part]]);
    expect(nameIn({ name: "national", flights }, 1, part)).toBe("2");
    expect(nameIn({ name: "national", flights }, 3, part)).toBe("JPN 3");
    expect(nameIn({ name: "shared", flights: new Map() }, 3, part)).toBe("3");
  });
});

describe("the flight of a number in all together", () => {
  it("is the newer one of an object that was lost and found again", () => {
    const [lost, found] = [madeFlight(1, { shared_id: 2, last_plot_ms: NOON_MS - 60_000 }), madeFlight(4, { shared_id: 2 })];
    expect(sharedAs([lost, found, madeFlight(2, { shared_id: 1 })], 2)).toBe(found);
    expect(sharedAs([lost], 1)).toBeUndefined();
    const stated = madeFlight(-1, { shared_id: 2, plots: 0, last_plot_ms: NOON_MS + 5_000 });
    expect(sharedAs([stated, lost], 2)).toBe(lost);
    expect(sharedAs([stated], 2)).toBe(stated);
  });
});
