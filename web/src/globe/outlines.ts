/** The outlines that come with the page: coarse ones at once, fine ones when one looks closely. */
import coarseUrl from "world-atlas/countries-50m.json?url";
import fineUrl from "world-atlas/countries-10m.json?url";
import { type Land, landFrom } from "./land";
import type { Outlines } from "./tiles";

async function fetched(url: string): Promise<Land> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`outlines of land: ${answer.status} ${answer.statusText}`);
  return landFrom(await answer.json());
}

export async function loadOutlines(): Promise<Outlines> {
  const coarse = await fetched(coarseUrl);
  let fine: Promise<Land> | undefined;
  // Where the fine ones cannot be had, the coarse ones are drawn.
  return { coarse, fine: () => (fine ??= fetched(fineUrl).catch(() => coarse)) };
}
