// A file of its own because the content security policy allows no inline scripts. Redoc has no dark colours of its own: these
// are a theme, made anew when the system's colours change.
const dark = matchMedia("(prefers-color-scheme: dark)");
const night = {
  colors: {
    primary: { main: "#8ab4f8" },
    success: { main: "#81c995" },
    warning: { main: "#fdd663", contrastText: "#202124" },
    error: { main: "#f28b82" },
    text: { primary: "#e8eaed", secondary: "#bdc1c6" },
    border: { dark: "#5f6368", light: "#3c4043" },
    responses: {
      success: { color: "#81c995", backgroundColor: "rgba(129, 201, 149, 0.12)", tabTextColor: "#81c995" },
      error: { color: "#f28b82", backgroundColor: "rgba(242, 139, 130, 0.12)", tabTextColor: "#f28b82" },
      redirect: { color: "#fdd663", backgroundColor: "rgba(253, 214, 99, 0.12)", tabTextColor: "#fdd663" },
      info: { color: "#8ab4f8", backgroundColor: "rgba(138, 180, 248, 0.12)", tabTextColor: "#8ab4f8" },
    },
  },
  schema: { nestedBackground: "#292a2d", typeNameColor: "#bdc1c6", typeTitleColor: "#bdc1c6", requireLabelColor: "#f28b82", linesColor: "#5f6368", arrow: { color: "#bdc1c6" } },
  sidebar: { backgroundColor: "#202124", textColor: "#e8eaed", activeTextColor: "#8ab4f8", arrow: { color: "#bdc1c6" } },
  rightPanel: { backgroundColor: "#17181a", textColor: "#e8eaed", servers: { overlay: { backgroundColor: "#292a2d", textColor: "#e8eaed" }, url: { backgroundColor: "#202124" } } },
  typography: { code: { color: "#f28b82", backgroundColor: "#292a2d" }, links: { color: "#8ab4f8", visited: "#8ab4f8", hover: "#aecbfa" } },
};
const show = () => {
  document.documentElement.classList.toggle("dark", dark.matches);
  Redoc.init("/openapi.json", dark.matches ? { theme: night } : {}, document.getElementById("redoc"));
};
dark.addEventListener("change", show);
show();
