"""The page: a Dash app on FastAPI that draws what `toy` simulates."""
