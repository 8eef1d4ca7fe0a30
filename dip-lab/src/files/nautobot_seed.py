from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command

call_command("migrate", run_syncdb=True, verbosity=0)

from nautobot.dcim.models import Device, DeviceType, Location, LocationType, Manufacturer, Rack
from nautobot.extras.management import populate_role_choices, populate_status_choices
from nautobot.extras.models import CustomField, Role, Status
from nautobot.ipam.models import Namespace, Prefix, VLAN
from nautobot.users.models import Token

populate_status_choices(apps, None, verbosity=0)
populate_role_choices(apps, None, verbosity=0)
User = get_user_model()
for name, key, power in [("lab", "0123456789abcdef0123456789abcdef01234567", True), ("guest", "f" * 40, False)]:
    user = User.objects.create_user(name, f"{name}@lab.test", name, is_superuser=power)
    Token.objects.create(user=user, key=key)

kinds = ContentType.objects.get_for_models(Device, Rack, Prefix, VLAN)
site = LocationType.objects.create(name="Site")
site.content_types.set(kinds.values())
Location.objects.create(name="lab", location_type=site, status=Status.objects.get(name="Active"))
Role.objects.create(name="server").content_types.set([kinds[Device]])
DeviceType.objects.create(manufacturer=Manufacturer.objects.create(name="lab"), model="server", u_height=1)
CustomField.objects.create(key="dip", label="dip", type="json").content_types.set([kinds[Device]])
Namespace.objects.get_or_create(name="Global")
