/** In place of Cesium's display of credits, which writes styles into the page. Ours stand in `docs/desk.md`. */
export default class NoCredits {
  constructor(readonly container: HTMLElement) {}
  update(): void {}
  beginFrame(): void {}
  endFrame(): void {}
  addCreditToNextFrame(): void {}
  addStaticCredit(): void {}
  removeStaticCredit(): void {}
  isDestroyed(): boolean {
    return false;
  }
  destroy(): void {}
  static cesiumCredit = undefined;
}
