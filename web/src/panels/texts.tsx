/** Texts for the public: one person proposes, another confirms. */
import { useEffect, useState } from "preact/hooks";
import type { Text } from "../api/contract";
import type { Desk } from "../desk";
import { clockTime } from "../words/words";
import { useStore, useWords } from "./look";

/** Others' proposals are looked for so often while this is open. */
const AGAIN_MS = 3_000;

export function Texts({ desk }: { desk: Desk }) {
  const say = useWords();
  const { flight } = useStore(desk.view);
  const exercise = useStore(desk.status)?.exercise ?? false;
  const [texts, set] = useState<readonly Text[]>([]);
  const [writing, write] = useState("");
  const may = desk.may("act");
  const mode = say(exercise ? "exercise" : "live");
  const read = async (): Promise<void> => set(await desk.client.texts());
  useEffect(() => {
    void desk.try(read);
    const again = setInterval(() => void read().catch(() => undefined), AGAIN_MS);
    return () => clearInterval(again);
  }, []);
  const propose = (): Promise<boolean> => desk.try(async () => {
    await desk.client.proposeText(writing.trim(), flight);
    write("");
    await read();
  });
  const confirm = (id: number): Promise<boolean> => desk.try(async () => {
    await desk.client.confirmText(id);
    await read();
  });
  return (
    <section class="texts" aria-labelledby="texts-title">
      <h2 id="texts-title">{say("texts")} <span class="mode-word">{mode}</span></h2>
      <p class="policy">{say("texts_said")}</p>
      <form onSubmit={(event) => { event.preventDefault(); void propose(); }}>
        <label>{flight === null ? say("new_text") : say("new_text_about", { id: flight })}
          <textarea rows={3} value={writing} disabled={!may} onInput={(event) => write(event.currentTarget.value)} />
        </label>
        <button class="act" disabled={!may || !writing.trim()} title={may ? "" : say("no_right")}>{say("propose_text", { mode })}</button>
      </form>
      {texts.length === 0 && <p>{say("texts_none")}</p>}
      {texts.map((one) => (
        <article key={one.id} class="text" data-text={one.id}>
          <p class="words">{one.text}</p>
          <p class="when">
            {one.flight !== null && `${say("flight_n", { id: one.flight })}. `}
            {say("proposed_by", { who: one.proposed_by, time: clockTime(Date.parse(one.proposed)) })}
          </p>
          {one.confirmed_by !== null && one.confirmed !== null
            ? <p class="confirmed">✓ {say("confirmed_by", { who: one.confirmed_by, time: clockTime(Date.parse(one.confirmed)) })}</p>
            : one.proposed_by === desk.session.get()?.who
              ? <p class="when">{say("another_confirms")}</p>
              : <button disabled={!may} title={may ? "" : say("no_right")} onClick={() => void confirm(one.id)}>{say("confirm_text", { mode })}</button>}
        </article>
      ))}
    </section>
  );
}
