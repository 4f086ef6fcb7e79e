/** The Regions page: the panel by itself. */

import "./regions-panel.js";
import "./theme-toggle.js";
