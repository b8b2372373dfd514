// The help page: restarts the tour.
import { restartTour } from "../components/tour.js";
import { $, attempt } from "../core/dom.js";

$("#tour-again").addEventListener("click", () => attempt(restartTour));
