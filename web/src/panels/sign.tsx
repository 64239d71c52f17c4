/** Signing with one's own key: what is to be said, and the password that unlocks the key. */
import { useState } from "preact/hooks";
import type { Done } from "../api/contract";
import type { Desk } from "../desk";
import { useOrder, usePrompt, useStore, useWords } from "./look";

/** Something that is said to partners, as it stands on its button; `words`: what is written. */
export interface Act {
  title: string;
  words: string;
  do: (password?: string) => Promise<Done>;
}

export function Sign({ desk, act, done }: { desk: Desk; act: Act; done: (said: string | null) => void }) {
  const say = useWords();
  const dialog = usePrompt();
  const exercise = useStore(desk.status)?.exercise ?? false;
  const [password, type] = useState("");
  const { order, busy, fault } = useOrder();
  const sign = (): Promise<void> => order(async () => done((await act.do(password)).said));
  return (
    <dialog ref={dialog} class={`change ${exercise ? "exercise" : "live"}`} aria-labelledby="sign-title" onClose={() => done(null)}>
      <form onSubmit={(event) => { event.preventDefault(); void sign(); }}>
        <p class="band">{say(exercise ? "exercise" : "live")}</p>
        <h2 id="sign-title">{act.title}</h2>
        {act.words && <p class="words">{act.words}</p>}
        <label class="password">{say("your_password")}<input type="password" autocomplete="current-password" value={password} onInput={(event) => type(event.currentTarget.value)} /></label>
        {fault && <p class="much" role="alert">{fault}</p>}
        <footer>
          <button type="button" onClick={() => dialog.current?.close()}>{say("cancel")}</button>
          <button class="act" disabled={!password || busy}>{say(busy ? "under_way" : "sign_send")}</button>
        </footer>
      </form>
    </dialog>
  );
}
