// What a sweep's stopping rule has spared, in a sentence; nothing while that is nothing.
import { $, setText } from "../core/dom.js";
import { duration } from "../core/format.js";

export function showSaved({ saved }) {
  const place = $("#saved");
  if (!place) return;
  place.hidden = !saved.trials;
  const trials = saved.trials === 1 ? "1 trial was" : `${saved.trials} trials were`;
  const epochs = saved.epochs === 1 ? "1 epoch" : `${saved.epochs} epochs`;
  const time = saved.seconds == null ? "" : `, about ${duration(saved.seconds)} of one worker’s time`;
  setText(place, `${trials} stopped early, which saved ${epochs} of training${time}.`);
}
