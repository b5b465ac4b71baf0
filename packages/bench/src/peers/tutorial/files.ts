/** The project that the tutorial describes: model, consumer, routing and settings, close to its own text. */

export interface Ports {
  readonly redis: number;
}

export const tutorialFiles = ({ redis }: Ports): Readonly<Record<string, string>> => ({
  "manage.py": `import os, sys
from django.core.management import execute_from_command_line
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
execute_from_command_line(sys.argv)
`,
  "config/__init__.py": "",
  "config/settings.py": `from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "bench"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "config.urls"
INSTALLED_APPS = ["channels", "chat", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [BASE_DIR / "templates"]}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ASGI_APPLICATION = "config.asgi.application"
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [("127.0.0.1", ${redis})]}},
}
`,
  "config/urls.py": `from django.urls import include, path
urlpatterns = [path("chat/", include("chat.urls"))]
`,
  "config/asgi.py": `import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
from django.core.asgi import get_asgi_application
http = get_asgi_application()
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
import chat.routing
application = ProtocolTypeRouter(
    {"http": http, "websocket": AuthMiddlewareStack(URLRouter(chat.routing.websocket_urlpatterns))}
)
`,
  "templates/room.html": `{% for message in messages %}<div>{{ message.user }} : {{ message.content }}</div>{% endfor %}
`,
  "chat/__init__.py": "",
  "chat/models.py": `from django.db import models


class Messaage(models.Model):
    user = models.CharField(max_length=100)
    room = models.ForeignKey("Room", related_name="room", on_delete=models.CASCADE, db_column="room_id")
    content = models.TextField()
    send_date = models.DateField(auto_now_add=True)


class Room(models.Model):
    name = models.CharField(max_length=100, unique=True)
    status = models.IntegerField(default=0)
`,
  "chat/urls.py": `from django.urls import path
from . import views
urlpatterns = [path("<str:room_name>/<str:nickname>", views.room, name="room")]
`,
  "chat/views.py": `from django.shortcuts import render
from .models import Messaage, Room


def room(request, room_name, nickname):
    room, created = Room.objects.get_or_create(name=room_name)
    messages = Messaage.objects.filter(room=room)
    return render(request, "room.html", {"room_name": room_name, "messages": messages, "user": nickname})
`,
  "chat/routing.py": `from django.urls import re_path
from . import consumers
websocket_urlpatterns = [re_path(r"ws/chat/(?P<room_name>\\w+)/$", consumers.ChatConsumer.as_asgi())]
`,
  "chat/consumers.py": `import json
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from .models import Messaage, Room


class ChatConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        self.room_name = self.scope["url_route"]["kwargs"]["room_name"]
        self.room_group_name = "chat_%s" % self.room_name
        await self.channel_layer.group_add(self.room_group_name, self.channel_name)
        await self.accept()

    async def disconnect(self, close_code):
        await self.channel_layer.group_discard(self.room_group_name, self.channel_name)

    async def receive(self, text_data):
        text_data_json = json.loads(text_data)
        message = text_data_json["message"]
        user = text_data_json["user"]
        await self.save_massage_on_db(user, self.room_name, message)
        await self.channel_layer.group_send(
            self.room_group_name, {"type": "chat_message", "message": message, "user": user}
        )

    async def chat_message(self, event):
        message = event["message"]
        user = event["user"]
        await self.send(text_data=json.dumps({"message": message, "user": user}))

    @database_sync_to_async
    def save_massage_on_db(self, user, room_name, message):
        room = Room.objects.get(name=room_name)
        message = Messaage.objects.create(user=user, room=room, content=message)
        message.save()
`,
});
