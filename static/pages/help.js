// The help page: begins the tour again.
import { tourAgain } from "../components/tour.js";
import { $, attempt } from "../core/dom.js";

$("#tour-again").addEventListener("click", () => attempt(tourAgain));
