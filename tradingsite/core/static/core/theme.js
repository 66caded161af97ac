// The theme that a user chose stands in the page's first element. Unfold remembers one in the browser
// and would prefer that: it is given the user's, and forgets it when the user leaves it to the browser.
(function () {
  "use strict";
  var page = document.documentElement.classList;
  var chosen = page.contains("dark") ? "dark" : page.contains("light") ? "light" : "";
  if (chosen) {
    localStorage.setItem("_x_adminTheme", JSON.stringify(chosen));
    localStorage.setItem("deskThemeChosen", chosen);
  } else if (localStorage.getItem("deskThemeChosen")) {
    localStorage.removeItem("_x_adminTheme");
    localStorage.removeItem("deskThemeChosen");
  }
})();
