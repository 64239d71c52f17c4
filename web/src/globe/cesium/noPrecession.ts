/** In place of Cesium's tables of how the Earth's axis moves, files that the page would ask the node for: no sky, no Sun. */
export default class NoPrecession {
  preload(): Promise<void> {
    return Promise.resolve();
  }
  computeXysRadians(): undefined {
    return undefined;
  }
}
