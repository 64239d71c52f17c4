/** Figures side by side: as short as they are alone, and longer only to tell apart what does differ. */

/** A figure, with so many digits more than it has alone. */
export type Figure = (more: number) => string;

/** That the figure of `at` differs from that of `than`, how far, and whether by more than both are unsure of. */
export interface Differing {
  at: string;
  than: string;
  far: string | null;
  much: boolean;
}

const MOST_MORE = 3;

/** A row of figures by the names of its columns, each as it is shown, with the differences that are to be marked at it. */
export interface Row {
  text: (at: string) => string | null;
  marks: (at: string) => readonly (Differing & { far: string })[];
}

/**
 * Figures of `of`, and what of `differing` is marked: what differs by more than both are unsure of, with
 * so many digits that it is seen, and else what is shown unlike.
 */
export function rowOf(of: (at: string) => Figure | null, differing: readonly Differing[]): Row {
  const shown = (at: string, more: number): string | null => of(at)?.(more) ?? null;
  const alike = ({ at, than }: Differing, more: number): boolean => shown(at, more) === shown(than, more);
  const much = differing.filter((one) => one.much);
  let more = 0;
  while (more < MOST_MORE && much.some((one) => alike(one, more))) more += 1;
  const marked = differing.flatMap((one) => (one.far !== null && (one.much || !alike(one, more)) ? [{ ...one, far: one.far }] : []));
  return { text: (at) => shown(at, more), marks: (at) => marked.filter((one) => one.at === at) };
}
